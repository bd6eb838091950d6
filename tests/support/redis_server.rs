//! A Redis server for one test, on a socket file.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A running `redis-server`; stopped when dropped.
pub struct RedisServer {
    folder: TempDir,
    process: Option<Child>,
}

impl RedisServer {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut server = Self { folder, process: None };
        server.restart();
        server
    }

    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket())
    }

    pub fn connection(&self) -> redis::Connection {
        let client = redis::Client::open(self.url()).expect("an address");
        client.get_connection().expect("it runs")
    }

    /// Saves the data, so that it is there again after [`RedisServer::stop`] and
    /// [`RedisServer::restart`].
    pub fn save(&self) {
        redis::cmd("SAVE").exec(&mut self.connection()).expect("it saves");
    }

    /// Deletes all data.
    pub fn flush(&self) {
        redis::cmd("FLUSHALL").exec(&mut self.connection()).expect("it deletes all data");
    }

    /// Kills the server, like a crash.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("it was running");
            process.wait().expect("it was ours");
        }
    }

    /// Starts the server again, empty or with the saved data.
    pub fn restart(&mut self) {
        self.stop();
        let process = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--unixsocket", &self.socket()])
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed; `make init` does that");
        self.process = Some(process);
        let deadline = Instant::now() + Duration::from_secs(10);
        while std::os::unix::net::UnixStream::connect(self.socket()).is_err() {
            assert!(Instant::now() < deadline, "redis-server did not start");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn socket(&self) -> String {
        self.folder.path().join("redis.sock").display().to_string()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.stop();
    }
}

#!/usr/bin/env bash
# Installs what Thali's stack needs on this machine, each thing only if it is missing:
#
#   install.sh          the virtual environment .venv (local AWS, SAM, cargo-lambda), Redis
#   install.sh nextest  the test runner
#   install.sh lint     cargo-deny and cargo-machete
#   install.sh arm64    the cross compiler for functions that run on AWS
#
# Tools that cargo builds go to .local/tools unless the machine has them already. Versions
# are pinned here and in requirements.txt.
set -euo pipefail
cd "$(dirname "$0")/../.."

NEXTEST=0.9.143
DENY=0.20.2
MACHETE=0.9.2

say() { printf '%s\n' "$*" >&2; }

# apt_install PACKAGE...: as root, or with sudo, or not at all and with a clear message.
apt_install() {
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
    if ! command -v apt-get >/dev/null || { [ "${#as_root[@]}" -gt 0 ] && ! command -v sudo >/dev/null; }; then
        say "Missing: $*. This machine has no apt-get, or no sudo for it: please install it and run this again."
        exit 1
    fi
    say "installing $* with apt-get"
    local options=(-y -qq -o Dpkg::Use-Pty=0 --no-install-recommends)
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 || true
    if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install "${options[@]}" "$@" >&2; then
        say "apt-get could not install $*. Please install it and run this again."
        exit 1
    fi
}

python_environment() {
    local wanted
    wanted="$(cat infra/local/requirements*.txt infra/local/constraints.txt | cksum)"
    if [ -x .venv/bin/sam ] && [ "$(cat .venv/.thali-installed 2>/dev/null)" = "$wanted" ]; then return; fi

    local python="${PYTHON:-python3}"
    if ! command -v "$python" >/dev/null; then apt_install python3 python3-venv; fi
    if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
        say "Python 3.10 or later is needed, $python is $("$python" -V). Set PYTHON to a later one."
        exit 1
    fi
    # Debian packs the part of Python that `venv` needs separately.
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then apt_install python3-venv; fi

    say "installing the local AWS and SAM into .venv"
    [ -x .venv/bin/python ] || "$python" -m venv .venv
    .venv/bin/python -m pip install -q --disable-pip-version-check -r infra/local/requirements.txt
    .venv/bin/python -m pip install -q --disable-pip-version-check --no-deps \
        -r infra/local/requirements-cargo-lambda.txt
    printf '%s' "$wanted" >.venv/.thali-installed
}

redis() {
    if command -v redis-server >/dev/null; then return; fi
    apt_install redis-server
    # The package starts a server of its own, which is not ours and not wanted.
    if command -v systemctl >/dev/null && systemctl is-active -q redis-server 2>/dev/null; then
        say "note: the package started a Redis on port 6379; Thali runs its own on another port"
    fi
}

# cargo_tool NAME VERSION: an unoptimised build, which is quick to make and quick enough to run.
cargo_tool() {
    if command -v "$1" >/dev/null || [ -x ".local/tools/bin/$1" ]; then return; fi
    say "building $1 $2 (once)"
    CARGO_PROFILE_DEV_DEBUG=false cargo install --quiet --locked --profile dev --root .local/tools "$1@$2" "${@:3}"
}

if ! command -v cargo >/dev/null; then
    say "Rust is needed: https://rustup.rs"
    exit 1
fi
case "${1:-stack}" in
stack)
    python_environment
    redis
    ;;
nextest)
    cargo_tool cargo-nextest "$NEXTEST" --no-default-features --features default-no-update
    ;;
lint)
    python_environment
    cargo_tool cargo-machete "$MACHETE"
    cargo_tool cargo-deny "$DENY"
    ;;
arm64)
    python_environment
    .venv/bin/python -m pip install -q --disable-pip-version-check -r infra/local/requirements-arm64.txt
    rustup target add aarch64-unknown-linux-gnu
    ;;
*)
    say "install.sh: what is $1?"
    exit 2
    ;;
esac

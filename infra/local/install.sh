#!/usr/bin/env bash
# Installs what Thali's stack needs on this machine, each thing only if it is missing:
#
#   install.sh          a C compiler, the virtual environment .venv (local AWS, SAM,
#                       cargo-lambda), Redis, Node and the packages of the web app
#   install.sh test     the test runner, what tests the API against its description, newman,
#                       which runs the Postman collection, Chromium with fonts, in which the
#                       web app is tested, a C++ compiler for the fuzzer, and zbar, which reads
#                       students' codes as a camera does
#   install.sh lint     cargo-deny and cargo-machete, and what `install.sh docs` installs
#   install.sh docs     what checks the links of the documentation
#   install.sh arm64    the cross compiler for functions that run on AWS, and advzip, which packs
#                       them
#
# Tools that cargo builds go to ~/.cache/thali/tools, where every checkout finds them, unless the
# machine has them already. Versions are pinned here, in requirements.txt, in functions/web, in
# tests/newman and in infra/docs.
set -euo pipefail
cd "$(dirname "$0")/../.."

NEXTEST=0.9.143
DENY=0.20.2
MACHETE=0.9.2

say() { printf '%s\n' "$*" >&2; }

# apt_install PACKAGE...: as root, or with sudo, or not at all and with a clear message.
apt_install() {
    local as_root=() installed=true
    if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
    if ! command -v apt-get >/dev/null || { [ "${#as_root[@]}" -gt 0 ] && ! command -v sudo >/dev/null; }; then
        say "Missing: $*. This machine has no apt-get, or no sudo for it: please install it and run this again."
        exit 1
    fi
    say "installing $* with apt-get"
    local options=(-y -qq -o Dpkg::Use-Pty=0 --no-install-recommends)
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 || true
    # Debian's packages ask this program whether they may start their services: none may.
    # Where the machine has an answer of its own, that one holds.
    local policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        # shellcheck disable=SC2064 # as they are now, at the time of the signal too
        trap "${as_root[*]} rm -f $policy" EXIT
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
        "${as_root[@]}" chmod 755 "$policy"
    else
        policy=
    fi
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install "${options[@]}" "$@" >&2 || installed=false
    if [ -n "$policy" ]; then
        "${as_root[@]}" rm -f "$policy"
        trap - EXIT
    fi
    if ! "$installed"; then
        say "apt-get could not install $*. Please install it and run this again."
        exit 1
    fi
}

# What builds the functions: Rust, and a C compiler for what they bring along in C.
compilers() {
    local wanted found
    wanted="$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)"
    if ! command -v cargo >/dev/null || ! found="$(rustc --version 2>/dev/null)"; then
        say "Rust $wanted or newer is needed: https://rustup.rs"
        exit 1
    fi
    found="$(printf '%s' "$found" | cut -d ' ' -f 2)"
    if [ "$(printf '%s\n' "$wanted" "${found%%-*}" | sort -V | head -n 1)" != "$wanted" ]; then
        say "Rust $wanted or newer is needed, this is $found. \`rustup update\` brings the newest (https://rustup.rs)."
        exit 1
    fi
    if ! command -v cc >/dev/null; then apt_install gcc libc6-dev; fi
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
    # One whose making was interrupted has a Python without pip.
    if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then "$python" -m venv --clear .venv; fi
    .venv/bin/python -m pip install -q --disable-pip-version-check -r infra/local/requirements.txt
    .venv/bin/python -m pip install -q --disable-pip-version-check --no-deps \
        -r infra/local/requirements-cargo-lambda.txt
    printf '%s' "$wanted" >.venv/.thali-installed
}

# What tests the API against its description, in an environment of its own.
contract_environment() {
    local place=.local/tools/contract wanted
    wanted="$(cksum <infra/local/contract-requirements.txt)"
    if [ -x "$place/bin/schemathesis" ] && [ "$(cat "$place/.thali-installed" 2>/dev/null)" = "$wanted" ]; then return; fi
    say "installing schemathesis into $place"
    mkdir -p -m 700 .local
    .venv/bin/python -m venv --clear "$place"
    "$place/bin/python" -m pip install -q --disable-pip-version-check -r infra/local/contract-requirements.txt
    printf '%s' "$wanted" >"$place/.thali-installed"
}

# Node, as in Debian 12 or newer, and npm.
node_itself() {
    if ! command -v node >/dev/null; then apt_install nodejs npm; fi
    if ! command -v npm >/dev/null; then apt_install npm; fi
    if ! node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)'; then
        say "Node 18 or later is needed, this is $(node --version). Please install a later one and run this again."
        exit 1
    fi
}

# What builds and tests the web app, in its own folder.
web_packages() {
    local place=functions/web wanted
    wanted="$(cat "$place/package.json" "$place/package-lock.json" | cksum)"
    if [ "$(cat "$place/node_modules/.thali-installed" 2>/dev/null)" = "$wanted" ]; then return; fi
    node_itself
    say "installing the packages of $place"
    npm ci --prefix "$place" --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
    # The tests in the browser are in another folder.
    ln -sfn ../../functions/web/node_modules tests/web/node_modules
    printf '%s' "$wanted" >"$place/node_modules/.thali-installed"
}

# Debian's own browser: one from elsewhere would have to be downloaded.
chromium_browser() {
    if command -v chromium >/dev/null && fc-list :lang=hi | grep -q .; then return; fi
    apt_install chromium fontconfig fonts-noto-core
}

# node_tools NAME FOLDER: installs into .local/tools/NAME what the package.json and the lock file
# in FOLDER say.
node_tools() {
    local place=".local/tools/$1" wanted
    wanted="$(cat "$2/package.json" "$2/package-lock.json" | cksum)"
    if [ -d "$place/node_modules/.bin" ] && [ "$(cat "$place/.thali-installed" 2>/dev/null)" = "$wanted" ]; then return; fi
    node_itself
    say "installing the packages of $2 into $place"
    # The state of the stack may be in there too, which is nobody else's.
    mkdir -p -m 700 .local
    mkdir -p "$place"
    cp "$2/package.json" "$2/package-lock.json" "$place"
    npm ci --prefix "$place" --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
    printf '%s' "$wanted" >"$place/.thali-installed"
}

redis() {
    if command -v redis-server >/dev/null; then return; fi
    apt_install redis-server
    # Nor is the package's own server to start with the machine: Thali runs one of its own.
    if [ -d /run/systemd/system ]; then
        local as_root=()
        if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
        "${as_root[@]}" systemctl disable --now --quiet redis-server >&2 || true
    fi
}

# cargo_tool NAME VERSION: an unoptimised build, which is quick to make and quick enough to run.
cargo_tool() {
    local tools="${XDG_CACHE_HOME:-$HOME/.cache}/thali/tools"
    if [ -x "$tools/bin/$1" ]; then
        # Only one of another version, which was pinned before, is replaced.
        if ! grep -sF "\"$1 " "$tools/.crates.toml" | grep -qvF "\"$1 $2 ("; then return; fi
    elif command -v "$1" >/dev/null; then
        return
    fi
    say "building $1 $2 (once)"
    CARGO_PROFILE_DEV_DEBUG=false cargo install --quiet --locked --profile dev --root "$tools" "$1@$2" "${@:3}"
}

compilers
case "${1:-stack}" in
stack)
    python_environment
    redis
    web_packages
    ;;
test)
    python_environment
    contract_environment
    node_tools newman tests/newman
    chromium_browser
    if ! command -v c++ >/dev/null; then apt_install g++; fi
    if ! command -v zbarimg >/dev/null; then apt_install zbar-tools; fi
    cargo_tool cargo-nextest "$NEXTEST" --no-default-features --features default-no-update
    ;;
lint)
    python_environment
    web_packages
    node_tools docs infra/docs
    cargo_tool cargo-machete "$MACHETE"
    cargo_tool cargo-deny "$DENY"
    ;;
docs)
    node_tools docs infra/docs
    ;;
arm64)
    python_environment
    web_packages
    .venv/bin/python -m pip install -q --disable-pip-version-check -r infra/local/requirements-arm64.txt
    rustup target add aarch64-unknown-linux-gnu
    if ! command -v advzip >/dev/null; then apt_install advancecomp; fi
    ;;
*)
    say "install.sh: what is $1?"
    exit 2
    ;;
esac

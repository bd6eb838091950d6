#!/usr/bin/env bash
# Builds the functions for AWS and packs them: package.sh [arm64|x86-64]
set -euo pipefail
cd "$(dirname "$0")/../.."
infra/local/install.sh arm64
export PATH="$PWD/.venv/bin:$PATH"
.venv/bin/python infra/local/web.py
cargo lambda build --release "--${1:-arm64}" --package thali-functions
.venv/bin/python infra/local/package.py target/lambda/thali-functions/bootstrap

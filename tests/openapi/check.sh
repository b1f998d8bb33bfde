#!/bin/sh
# `make check-openapi`: generates a client's types from the OpenAPI document, and compiles a client with them, strictly.
# Needs node and npm, and installs the packages of package.json below build/.
set -eu
cd "$(dirname "$0")/../.."
work=$BUILD/openapi
command -v npm >/dev/null || {
    echo "check-openapi: npm is missing: install the packages nodejs and npm" >&2
    exit 1
}
mkdir -p "$work"
cp tests/openapi/package.json tests/openapi/client.ts "$work/"
"$BUILD/openapi-print" >"$work/openapi.json"
cd "$work"
npm install --no-package-lock --no-audit --no-fund --silent
npx openapi-typescript openapi.json --output api.ts >generate.log 2>&1 || {
    cat generate.log
    exit 1
}
npx tsc --strict --exactOptionalPropertyTypes --noUncheckedIndexedAccess --noEmit --target es2022 --module esnext \
    --moduleResolution bundler --lib es2022 client.ts
echo "a client of $(grep -c operationId openapi.json) operations compiles"

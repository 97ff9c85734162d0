#!/bin/sh
# Installs what the browser and distributed tests need on Debian as root; elsewhere says what is missing.
missing=""
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
command -v redis-server >/dev/null 2>&1 || missing="$missing redis-server"
command -v node >/dev/null 2>&1 || missing="$missing nodejs"
fc-list 2>/dev/null | grep -qi liberation || missing="$missing fontconfig fonts-liberation"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ]; then
    echo "Installing for the tests:$missing"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "Missing for the tests:$missing"
    echo "The tiers that need them will be skipped and listed. On Debian: sudo apt-get install$missing"
fi

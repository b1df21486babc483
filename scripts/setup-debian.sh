#!/usr/bin/env bash
# Installs what the tests need of a Debian system and npm cannot bring: git, a browser, an SSH server to compare with, Redis and a
# TURN server to run against, what makes networks of namespaces, and the
# library that VS Code's server is built against. Does nothing where all of it is there.
set -euo pipefail
packages=()
need() { # command, package
  command -v "$1" >/dev/null 2>&1 || packages+=("$2")
}
need git git
need chromium chromium
need sshd openssh-server
need ssh openssh-client
need strace strace
need make make
need g++ g++
need python3 python3
need redis-server redis-server
need turnserver coturn
need nft nftables
need ip iproute2
[ -e /usr/include/krb5.h ] || packages+=(libkrb5-dev)
[ ${#packages[@]} -eq 0 ] && exit 0
echo "Installing: ${packages[*]}"
sudo=''
[ "$(id -u)" -eq 0 ] || sudo=sudo
$sudo apt-get update -qq
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${packages[@]}"

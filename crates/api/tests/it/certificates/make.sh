#!/bin/sh
# Makes the certificates of these tests anew. They protect nothing; the key is public on purpose.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ec() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }
authority() { # name
  ec "$work/$1.key"
  openssl req -x509 -new -key "$work/$1.key" -subj "/CN=$1" -days 36500 -out "$1.pem" \
    -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign"
}
leaf() { # name authority alternative-name not-before not-after
  openssl req -new -key leaf.key -subj "/CN=$1" -out "$work/$1.csr"
  : > "$work/index"; echo 01 > "$work/serial"
  printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s\nserial=%s\nnew_certs_dir=%s\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n[e]\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName=%s\n' \
    "$work/index" "$work/serial" "$work" "$3" > "$work/ca.cnf"
  openssl ca -batch -notext -config "$work/ca.cnf" -extensions e -cert "$2.pem" -keyfile "$work/$2.key" \
    -startdate "$4" -enddate "$5" -in "$work/$1.csr" -out "$1.pem" 2>/dev/null
}
ec leaf.key
authority ours
authority strangers
leaf good ours IP:127.0.0.1 20200101000000Z 21200101000000Z
leaf expired ours IP:127.0.0.1 20200101000000Z 20200102000000Z
leaf future ours IP:127.0.0.1 21000101000000Z 21200101000000Z
leaf wrong-host ours DNS:other.example 20200101000000Z 21200101000000Z
leaf unknown strangers IP:127.0.0.1 20200101000000Z 21200101000000Z
openssl req -x509 -new -key leaf.key -subj "/CN=self" -days 36500 -out self-signed.pem -addext "subjectAltName=IP:127.0.0.1"
rm strangers.pem

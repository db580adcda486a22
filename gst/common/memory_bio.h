// SPDX-License-Identifier: LGPL-2.1-or-later
// What OpenSSL reads and writes as spans of memory. Only OpenSSL sources include this.
#pragma once
#include "tls.h"
#include <openssl/bio.h>

namespace reach {
class MemoryBio {
public:
  // `datagrams`: each write is a datagram of its own, and each input at most one read.
  MemoryBio (TlsSession::Output &out, bool datagrams) : out_ (out), datagrams_ (datagrams) {}
  MemoryBio (const MemoryBio &) = delete;
  MemoryBio &operator= (const MemoryBio &) = delete;

  BIO *make (); // refers to this; for SSL_set_bio ()

  Bytes in; // what is to be read

private:
  static int read (BIO *b, char *out, int n);
  static int write (BIO *b, const char *in, int n);
  static long control (BIO *b, int command, long, void *);

  TlsSession::Output &out_;
  const bool datagrams_;
};
} // namespace reach

// SPDX-License-Identifier: LGPL-2.1-or-later
// A build without OpenSSL.
#include "tls.h"

namespace reach {
bool TlsContext::built_in ()
{
  return false;
}

std::shared_ptr<const TlsContext> TlsContext::make (const TlsConfig &, std::string &error)
{
  error = "this build has no TLS: build it with -Dtls=enabled, which needs OpenSSL 3";
  return {};
}

std::unique_ptr<TlsDatagramGate> TlsDatagramGate::make (const TlsContext &)
{
  return {};
}
} // namespace reach

// SPDX-License-Identifier: LGPL-2.1-or-later
// What OpenSSL's error queue says. Only OpenSSL sources include this.
#pragma once
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace reach {
constexpr int ssl_alert_offset = 1000; // reasons for an alert received

// Takes all errors. What lies below OpenSSL's own layers says little: the first reason of TLS
// itself is the cause. 0: there is none.
inline int next_ssl_reason ()
{
  int reason = 0;
  while (const unsigned long e = ERR_get_error ())
    if (reason == 0 && ERR_GET_LIB (e) == ERR_LIB_SSL)
      reason = ERR_GET_REASON (e);
  return reason;
}
} // namespace reach

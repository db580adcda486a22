// SPDX-License-Identifier: LGPL-2.1-or-later
// The TLS rules of an HTTP client, in the words of libsoup and GIO. Loop thread only.
#pragma once
#include "cam/proto/close_reason.h"
#include "common/ref.h"
#include "common/tls.h"
#include <libsoup/soup.h>

namespace reach::cam {
class SoupTls {
public:
  explicit SoupTls (const TlsConfig &config) : config_ (config) {}

  void apply (SoupSession *session);
  void apply (SoupMessage *message) const;
  // Asked where the library's own check failed; always, when pins decide. `why_not` in words.
  bool accept (
      GTlsCertificate *certificate, GTlsCertificateFlags errors, std::string &why_not) const;
  void see (SoupMessage *message); // it has an answer
  const TlsInfo &seen () const { return seen_; }
  static CloseReason reason_of (int tls_error);

private:
  const TlsConfig config_;
  Ref<GTlsCertificate> own_;
  TlsInfo seen_;
};
} // namespace reach::cam

// SPDX-License-Identifier: LGPL-2.1-or-later
// One HTTP request through libsoup, its answer delivered as it comes. Destroying it cancels it at
// once: nothing is called back afterwards. Loop thread only.
#pragma once
#include "common/proto/slice.h"
#include "common/ref.h"
#include "soup_tls.h"
#include "transport.h"
#include <libsoup/soup.h>
#include <string>

namespace reach::cam {

class SoupCall {
public:
  class Owner {
  public:
    virtual ~Owner () = default;
    virtual void on_call_written (SoupCall &) {} // the request has left
    virtual void on_call_head (SoupCall &) {}    // status () is known
    virtual void on_call_data (SoupCall &, Bytes) = 0;
    virtual void on_call_over (SoupCall &) = 0; // the last; may destroy the call
  };
  struct Credentials {
    std::string id, pw; // for a proxy
  };

  SoupCall (Owner &owner, SoupSession *session, const char *method, const std::string &uri,
      const Credentials &credentials, SoupTls *tls = nullptr);
  ~SoupCall ();
  SoupCall (const SoupCall &) = delete;
  SoupCall &operator= (const SoupCall &) = delete;

  // Nothing is copied here: each slice lives until libsoup has read it.
  void set_body (const std::vector<Slice> &body, std::size_t size);
  void start ();

  bool over () const { return over_; }
  bool ok () const { return over_ && why_ == CloseReason::none; } // a whole answer with status 2xx
  // An answer came, if only one that refuses. False: the connection failed, another try makes
  // sense.
  bool answered () const { return status_ != 0; }
  unsigned status () const { return status_; }
  CloseReason why () const { return why_; }
  const std::string &detail () const { return detail_; }
  bool stream_over () const { return stream_over_; } // the answer said so

private:
  struct Pending { // outlives the call while libsoup works
    SoupCall *call;
    std::uint8_t buffer[64 << 10];
  };
  using PendingRef = std::shared_ptr<Pending>;
  static void on_sent (GObject *, GAsyncResult *, gpointer);
  static void on_read (GObject *, GAsyncResult *, gpointer);
  static void on_written (SoupMessage *, gpointer);
  static void on_restarted (SoupMessage *, gpointer);
  static gboolean on_certificate (SoupMessage *, GTlsCertificate *, GTlsCertificateFlags, gpointer);
  static gboolean on_authenticate (SoupMessage *, SoupAuth *, gboolean retrying, gpointer);

  void read_on ();
  void finish (const GError *error);

  Owner &owner_;
  SoupSession *session_;
  Credentials credentials_;
  SoupTls *tls_; // null: http
  Ref<SoupMessage> message_;
  Ref<GCancellable> cancel_;
  Ref<GInputStream> answer_, body_;
  PendingRef pending_;
  unsigned status_ = 0;
  CloseReason why_ = CloseReason::none;
  std::string detail_;
  bool over_ = false, stream_over_ = false;
};
} // namespace reach::cam

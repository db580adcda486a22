// SPDX-License-Identifier: LGPL-2.1-or-later
#include "http_client_base.h"
#include <random>

namespace reach::cam {
namespace {
std::string random_id ()
{
  std::random_device device;
  std::string id;
  for (int i = 0; i < 4; i++) {
    std::uint32_t v = device ();
    for (int k = 0; k < 8; k++, v >>= 4)
      id.push_back ("0123456789abcdef"[v & 15]);
  }
  return id;
}

std::string bracketed (const std::string &host)
{
  return host.find (':') == std::string::npos || host.starts_with ('[') ? host : "[" + host + "]";
}

SoupSession *make_session (const std::string &proxy)
{
  GProxyResolver *resolver = nullptr;
  if (!proxy.empty ()) {
    const std::string uri = proxy.find ("://") == std::string::npos ? "http://" + proxy : proxy;
    resolver = g_simple_proxy_resolver_new (uri.c_str (), nullptr);
  }
  SoupSession *s = soup_session_new_with_options ("proxy-resolver", resolver, "timeout", 0u,
      "max-conns", 8, "max-conns-per-host", 8, "user-agent", "gst-plugins-reach", nullptr);
  g_clear_object (&resolver);
  // Media do not compress, and a proxy that tries delays them.
  soup_session_remove_feature_by_type (s, SOUP_TYPE_CONTENT_DECODER);
  return s;
}
} // namespace

HttpClientBase::HttpClientBase (Loop &loop, StorageSource &storage, HttpClientConfig config)
    : loop_ (loop), config_ (std::move (config)), channel_ (random_id ()),
      reader_ (storage), credentials_{config_.proxy_id, config_.proxy_pw},
      tls_ (config_.tls ? std::make_unique<SoupTls> (*config_.tls) : nullptr),
      session_ (make_session (config_.proxy)),
      open_soon_ (loop.timers (), [this] { owner_->on_open (); }),
      end_soon_ (loop.timers (), [this] { end (CloseReason::local, ""); })
{
  if (tls_)
    tls_->apply (session_);
}

HttpClientBase::~HttpClientBase ()
{
  if (session_)
    soup_session_abort (session_);
  g_clear_object (&session_);
}

void HttpClientBase::start (Transport::Owner &owner)
{
  owner_ = &owner;
  open_soon_.arm (Clock::now ());
}

std::string HttpClientBase::peer () const
{
  return bracketed (config_.host) + ":" + std::to_string (config_.port);
}

std::unique_ptr<SoupCall> HttpClientBase::make_call (
    const char *method, const std::string &path_and_query)
{
  return std::make_unique<SoupCall> (static_cast<SoupCall::Owner &> (*this), session_, method,
      (tls_ ? "https://" : "http://") + peer () + path_and_query, credentials_, tls_.get ());
}

void HttpClientBase::input (Bytes bytes)
{
  stats_.bytes_received += bytes.size ();
  reader_.input (bytes);
  while (active ()) {
    auto m = reader_.poll ();
    if (!m)
      break;
    owner_->on_message (std::move (*m));
  }
  const auto f = reader_.fault ();
  if (over_ || f == MessageReader::Fault::none)
    return;
  end (close_reason (f), fault_name (f));
}

void HttpClientBase::close (bool drained)
{
  if (closing_ || over_)
    return;
  closing_ = true;
  open_soon_.cancel ();
  if (drained && owner_) {
    end_soon_.arm (Clock::now () + linger);
    drain ();
    return;
  }
  drop_calls ();
  soup_session_abort (session_);
  g_clear_object (&session_);
  end_soon ();
}

void HttpClientBase::end (CloseReason why, const std::string &detail)
{
  if (over_)
    return;
  over_ = true;
  end_soon_.cancel ();
  drop_calls ();
  if (session_)
    soup_session_abort (session_);
  g_clear_object (&session_);
  if (owner_)
    owner_->on_closed (closing_ ? CloseReason::local : why, detail);
}

void HttpClientBase::Outgoing::push (const MessageRef &m)
{
  slices.push_back ({m->head (), m});
  if (!m->body ().empty ())
    slices.push_back ({m->body (), m});
  bytes += m->size ();
}

std::vector<Slice> HttpClientBase::Outgoing::take (std::size_t max, std::size_t &taken)
{
  std::vector<Slice> out;
  taken = 0;
  while (!slices.empty () && taken < max) {
    Slice &s = slices.front ();
    const std::size_t n = std::min (s.size (), max - taken);
    out.push_back (s.sub (0, n));
    taken += n;
    s.bytes = s.bytes.subspan (n);
    if (s.bytes.empty ())
      slices.pop_front ();
  }
  bytes -= taken;
  return out;
}
} // namespace reach::cam

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "http_call.h"
#include <algorithm>

namespace reach::rtc {
namespace {
constexpr Duration longest_pause = seconds (3600);
constexpr auto uri_flags = static_cast<GUriFlags> (SOUP_HTTP_URI_FLAGS);

using UriPtr = Owned<GUri, g_uri_unref>;

UriPtr parse (const std::string &text)
{
  return UriPtr (g_uri_parse (text.c_str (), uri_flags, nullptr));
}

bool same_server (const std::string &a, const std::string &b)
{
  const UriPtr x = parse (a), y = parse (b);
  return x && y && g_str_equal (g_uri_get_scheme (x.get ()), g_uri_get_scheme (y.get ())) &&
         g_ascii_strcasecmp (g_uri_get_host (x.get ()), g_uri_get_host (y.get ())) == 0 &&
         g_uri_get_port (x.get ()) == g_uri_get_port (y.get ());
}

std::string header (SoupMessage *m, const char *name)
{
  const char *v = soup_message_headers_get_one (soup_message_get_response_headers (m), name);
  return v ? v : "";
}

// Empty: nothing may be sent there. From https nothing leads into the clear.
std::string resolved (const std::string &base, const std::string &location)
{
  if (location.empty ())
    return {};
  const CharPtr uri (g_uri_resolve_relative (base.c_str (), location.c_str (), uri_flags, nullptr));
  const std::string to = uri ? uri.get () : "";
  const bool into_clear = base.starts_with ("https:") && !to.starts_with ("https:");
  return HttpCall::is_address (to) && !into_clear ? to : std::string ();
}

// RFC 9110, 10.2.3: seconds, or a date.
std::optional<Duration> pause_of (const std::string &text)
{
  if (text.empty ())
    return {};
  guint64 n = 0;
  if (g_ascii_string_to_unsigned (text.c_str (), 10, 0, 3600, &n, nullptr))
    return seconds (static_cast<int> (n));
  if (std::ranges::all_of (text, [] (char c) { return g_ascii_isdigit (c); }))
    return longest_pause;
  GDateTime *at = soup_date_time_new_from_http_string (text.c_str ());
  if (!at)
    return {};
  const gint64 s = g_date_time_to_unix (at) - g_get_real_time () / G_USEC_PER_SEC;
  g_date_time_unref (at);
  return seconds (static_cast<int> (std::clamp<gint64> (s, 0, 3600)));
}
} // namespace

std::string HttpAnswer::text () const
{
  if (!error.empty ())
    return error;
  return "the server answers " + std::to_string (status) + (reason.empty () ? "" : " " + reason);
}

// What libsoup and GIO have in hands.
struct HttpCall::Flight {
  HttpCall *owner = nullptr; // null: cancelled
  Ref<SoupMessage> message;
  Ref<GInputStream> stream;
  const Ref<GCancellable> cancel = Ref<GCancellable>::adopt (g_cancellable_new ());
  std::vector<char> body = std::vector<char> (max_body + 1); // one more shows that it is too long

  // Destroys itself, and tells the owner if there still is one.
  static void end (Flight *self, gsize size, const GError *error)
  {
    const std::unique_ptr<Flight> flight (self);
    HttpCall *owner = flight->owner;
    if (!owner)
      return;
    owner->flight_ = nullptr;
    HttpAnswer a;
    if (error)
      a.error = error->message;
    else
      flight->read (a, size, owner->request_.uri);
    owner->end (std::move (a));
  }
  void read (HttpAnswer &a, gsize size, const std::string &base) const
  {
    SoupMessage *m = message.get ();
    a.status = soup_message_get_status (m);
    const char *reason = soup_message_get_reason_phrase (m);
    a.reason = reason ? reason : "";
    const char *type =
        soup_message_headers_get_content_type (soup_message_get_response_headers (m), nullptr);
    a.type = type ? CharPtr (g_ascii_strdown (type, -1)).get () : "";
    a.location = resolved (base, header (m, "Location"));
    a.etag = header (m, "ETag");
    const char *links =
        soup_message_headers_get_list (soup_message_get_response_headers (m), "Link");
    a.links = links ? links : "";
    a.retry_after = pause_of (header (m, "Retry-After"));
    a.too_long = size > max_body;
    a.body.assign (body.data (), std::min (size, max_body));
  }
  static void on_head (GObject *session, GAsyncResult *result, gpointer user)
  {
    auto *self = static_cast<Flight *> (user);
    GError *error = nullptr;
    self->stream = Ref<GInputStream>::adopt (
        soup_session_send_finish (SOUP_SESSION (session), result, &error));
    const ErrorPtr owned (error);
    if (!self->stream)
      return end (self, 0, error);
    g_input_stream_read_all_async (self->stream.get (), self->body.data (), self->body.size (),
        G_PRIORITY_DEFAULT, self->cancel.get (), on_body, self);
  }
  static void on_body (GObject *stream, GAsyncResult *result, gpointer user)
  {
    GError *error = nullptr;
    gsize size = 0;
    g_input_stream_read_all_finish (G_INPUT_STREAM (stream), result, &size, &error);
    const ErrorPtr owned (error);
    end (static_cast<Flight *> (user), size, error);
  }
};

HttpCall::HttpCall (Loop &loop, const Signaller::Config &config, std::string uri)
    : config_ (config), uri_ (std::move (uri)), session_ (make_session (config)),
      timer_ (loop.timers (), [this] {
        const Handler handler = std::move (handler_);
        cancel ();
        handler ({.error = "the server does not answer"});
      })
{
}

bool HttpCall::is_address (const std::string &uri)
{
  const UriPtr u = parse (uri);
  const std::string_view scheme = u ? g_uri_get_scheme (u.get ()) : "";
  const char *host = u ? g_uri_get_host (u.get ()) : nullptr;
  return (scheme == "http" || scheme == "https") && host && *host;
}

void HttpCall::cancel ()
{
  timer_.cancel ();
  handler_ = {};
  if (!flight_)
    return;
  flight_->owner = nullptr;
  g_cancellable_cancel (std::exchange (flight_, nullptr)->cancel.get ());
}

void HttpCall::send (HttpRequest request, Handler handler)
{
  cancel ();
  request_ = std::move (request);
  handler_ = std::move (handler);
  redirects_ = 0;
  timer_.arm (Clock::now () + longest);
  begin ();
}

void HttpCall::begin ()
{
  Signaller::Config config = config_;
  if (!same_server (uri_, request_.uri))
    config.token.clear ();
  auto *flight = new Flight;
  flight->owner = this;
  flight->message = make_message (request_.method, request_.uri, config);
  g_assert (flight->message); // is_address ()
  SoupMessage *m = flight->message.get ();
  // libsoup would not keep the method, and would tell the token to anybody.
  soup_message_add_flags (m, SOUP_MESSAGE_NO_REDIRECT);
  if (!request_.type.empty ()) {
    const Owned<GBytes, g_bytes_unref> bytes (
        g_bytes_new (request_.body.data (), request_.body.size ()));
    soup_message_set_request_body_from_bytes (m, request_.type.c_str (), bytes.get ());
  }
  SoupMessageHeaders *headers = soup_message_get_request_headers (m);
  soup_message_headers_append (headers, "Accept", "application/sdp");
  if (!request_.if_match.empty ())
    soup_message_headers_append (headers, "If-Match", request_.if_match.c_str ());
  flight_ = flight;
  soup_session_send_async (
      session_.get (), m, G_PRIORITY_DEFAULT, flight->cancel.get (), Flight::on_head, flight);
}

bool HttpCall::follow (const HttpAnswer &a)
{
  if ((a.status != 307 && a.status != 308) || a.location.empty () || redirects_ >= most_redirects)
    return false;
  redirects_++;
  request_.uri = a.location;
  begin ();
  return true;
}

void HttpCall::end (HttpAnswer answer)
{
  if (answer.error.empty () && follow (answer))
    return;
  answer.foreign = !config_.token.empty () && !same_server (uri_, request_.uri);
  timer_.cancel ();
  const Handler handler = std::exchange (handler_, {});
  handler (answer);
}
} // namespace reach::rtc

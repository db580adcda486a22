// SPDX-License-Identifier: LGPL-2.1-or-later
#include "http_client.h"

namespace reach::rtc {
HttpClient::HttpClient (Loop &loop, Owner &owner, const Config &config, std::string uri)
    : owner_ (owner), config_ (config), uri_ (std::move (uri)), session_ (make_session (config)),
      self_ (std::make_shared<HttpClient *> (this)),
      cancel_ (Ref<GCancellable>::adopt (g_cancellable_new ())), timer_ (loop.timers (), [this] {
        if (state_ == State::idle)
          begin ();
        else if (state_ == State::gathering)
          post ();
        else if (state_ == State::leaving)
          done_ ();
      })
{
  timer_.arm (Clock::now ());
}

HttpClient::~HttpClient ()
{
  *self_ = nullptr;
  g_cancellable_cancel (cancel_.get ());
}

void HttpClient::begin ()
{
  if (!make_message ("POST", uri_, config_))
    return owner_.on_signalling_error ("\"" + config_.uri + "\" is no address", true);
  owner_.on_peer ({}, false, true);
}

void HttpClient::send_description (const std::string &type, const std::string &)
{
  if (type != "offer" || state_ != State::idle)
    return; // there is one exchange alone
  state_ = State::gathering;
  timer_.arm (Clock::now () + gathering);
}

void HttpClient::send_candidate (const SignalledCandidate &c)
{
  if (state_ == State::gathering && c.candidate.empty ())
    timer_.arm (Clock::now ());
}

// A request that libsoup and GIO have in hands; outlives the client.
struct HttpClient::Call {
  std::shared_ptr<HttpClient *> self;
  Handler handler;
  Ref<GCancellable> cancel;
  Ref<GInputStream> stream;
  std::vector<char> body = std::vector<char> (max_answer + 1); // one more shows that it is too long

  void end (gsize size, const GError *error)
  {
    if (HttpClient *client = *self)
      handler (*client, {body.data (), size}, error);
  }
  static void on_head (GObject *session, GAsyncResult *result, gpointer user)
  {
    std::unique_ptr<Call> call (static_cast<Call *> (user));
    GError *error = nullptr;
    call->stream = Ref<GInputStream>::adopt (
        soup_session_send_finish (SOUP_SESSION (session), result, &error));
    const ErrorPtr owned (error);
    if (!call->stream)
      return call->end (0, error);
    GInputStream *stream = call->stream.get ();
    g_input_stream_read_all_async (stream, call->body.data (), call->body.size (),
        G_PRIORITY_DEFAULT, call->cancel.get (), on_body, call.get ());
    (void)call.release ();
  }
  static void on_body (GObject *stream, GAsyncResult *result, gpointer user)
  {
    const std::unique_ptr<Call> call (static_cast<Call *> (user));
    GError *error = nullptr;
    gsize size = 0;
    g_input_stream_read_all_finish (G_INPUT_STREAM (stream), result, &size, &error);
    const ErrorPtr owned (error);
    call->end (size, error);
  }
};

void HttpClient::send (Handler handler)
{
  auto *call = new Call{self_, std::move (handler), cancel_, {}};
  soup_session_send_async (
      session_.get (), message_.get (), G_PRIORITY_DEFAULT, cancel_.get (), Call::on_head, call);
}

void HttpClient::post ()
{
  state_ = State::asking;
  message_ = make_message ("POST", uri_, config_);
  const std::string sdp = owner_.local_sdp ();
  const Owned<GBytes, g_bytes_unref> bytes (g_bytes_new (sdp.data (), sdp.size ()));
  soup_message_set_request_body_from_bytes (message_.get (), "application/sdp", bytes.get ());
  soup_message_headers_append (
      soup_message_get_request_headers (message_.get ()), "Accept", "application/sdp");
  send ([] (HttpClient &self, std::string_view body, const GError *error) {
    self.on_answer (body, error);
  });
}

void HttpClient::retry (const std::string &why)
{
  state_ = State::idle;
  timer_.arm (Clock::now () + backoff_.next (g_random_int ()));
  owner_.on_signalling_error (why, false);
}

void HttpClient::on_answer (std::string_view body, const GError *error)
{
  if (state_ != State::asking)
    return;
  if (error)
    return retry (error->message);
  const guint status = soup_message_get_status (message_.get ());
  const char *reason = soup_message_get_reason_phrase (message_.get ());
  const std::string why =
      "the server answers " + std::to_string (status) + " " + (reason ? reason : "");
  if (status >= 500)
    return retry (why);
  if (status != 201 || body.empty () || body.size () > max_answer)
    return owner_.on_signalling_error (why, true);
  const char *location = soup_message_headers_get_one (
      soup_message_get_response_headers (message_.get ()), "Location");
  const CharPtr resource (
      location ? g_uri_resolve_relative (uri_.c_str (), location, G_URI_FLAGS_NONE, nullptr)
               : nullptr);
  resource_ = resource ? resource.get () : "";
  if (uri_.starts_with ("https:") && !resource_.starts_with ("https:"))
    resource_.clear (); // it would take the token there in the clear
  state_ = State::connected;
  backoff_.reset ();
  owner_.on_description ("answer", std::string (body));
}

void HttpClient::goodbye (std::function<void ()> done)
{
  done_ = std::move (done);
  g_cancellable_cancel (cancel_.get ());
  cancel_ = Ref<GCancellable>::adopt (g_cancellable_new ());
  const bool there = state_ == State::connected && !resource_.empty ();
  state_ = State::leaving;
  message_ = there ? make_message ("DELETE", resource_, config_) : Ref<SoupMessage> ();
  if (!message_)
    return timer_.arm (Clock::now ());
  timer_.cancel ();
  send ([] (HttpClient &self, std::string_view, const GError *) { self.done_ (); });
}
} // namespace reach::rtc

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pool_client.h"
#include "common/proto/backoff.h"
#include "proto/pool_client.h"
#include "proto/socket_io_client.h"
#include "web_socket_client.h"
#include <algorithm>
#include <utility>

namespace reach::rtc {
namespace {
constexpr Duration answer = seconds (20);     // of a server to rtc:join; its application has 10 s
constexpr std::size_t max_pending = 16 << 20; // bytes, each way, of the application's transport
constexpr std::size_t max_messages = 10000;   // the same
constexpr std::size_t max_pool = 128;         // bytes of a pool's name
constexpr const char *bad_pool =
    "a pool's name is 1 to 128 bytes of UTF-8 without control characters";

// What a server may say of a pool that was there a while ago, and will be again.
bool passes (const std::string &reason, bool was_in)
{
  if (reason == "limit" || reason == "cluster")
    return true;
  return was_in && (reason == "full" || reason == "unknown-pool");
}

bool is_pool (const std::string &name)
{
  return !name.empty () && name.size () <= max_pool &&
         g_utf8_validate (name.data (), gssize (name.size ()), nullptr) &&
         std::none_of (name.begin (), name.end (), [] (char c) { return g_ascii_iscntrl (c); });
}

// Where a WebSocket is to be made to, and for socket.io its namespace.
struct Address {
  std::string uri, name_space; // name_space: empty for raw WebSocket
};

std::optional<Address> address_of (const std::string &uri, std::string &error)
{
  GError *fault = nullptr;
  const Owned<GUri, g_uri_unref> u (g_uri_parse (
      uri.c_str (), GUriFlags (G_URI_FLAGS_ENCODED | G_URI_FLAGS_SCHEME_NORMALIZE), &fault));
  const ErrorPtr owned (fault);
  const std::string scheme = u ? g_uri_get_scheme (u.get ()) : "";
  if (!u || !g_uri_get_host (u.get ()) || !*g_uri_get_host (u.get ())) {
    error =
        "this is no address of a signalling server: ws://HOST:PORT, for socket.io http://HOST:PORT";
    return {};
  }
  if (scheme == "ws" || scheme == "wss")
    return Address{uri, {}};
  if (scheme != "http" && scheme != "https") {
    error = "\"" + scheme + "\" is no way to a pool: ws and wss are, for socket.io http and https";
    return {};
  }
  std::string name = g_uri_get_path (u.get ());
  if (name.empty () || name == "/socket.io" || name == "/socket.io/")
    name = "/";
  if (name.size () > sio::max_name || name.find (',') != std::string::npos) {
    error = "the path is the namespace of socket.io: up to 128 bytes, without a comma";
    return {};
  }
  std::string query = "EIO=4&transport=websocket";
  if (const char *more = g_uri_get_query (u.get ()))
    query.append ("&").append (more);
  const CharPtr joined (g_uri_join (G_URI_FLAGS_ENCODED, scheme == "https" ? "wss" : "ws",
      g_uri_get_userinfo (u.get ()), g_uri_get_host (u.get ()), g_uri_get_port (u.get ()),
      "/socket.io/", query.c_str (), nullptr));
  return Address{joined.get (), name};
}

class PoolClient final : public PoolSignaller, public WebSocketClient::Owner {
public:
  PoolClient (Loop &loop, PoolSignaller::Owner &owner, const Config &config, Address address)
      : loop_ (loop), owner_ (owner), config_ (config), address_ (std::move (address)),
        again_ (loop.timers (), [this] { connect (); }),
        late_ (loop.timers (), [this] { fail ("the server does not answer to rtc:join", false); }),
        work_ (loop.timers (), [this] { work (); })
  {
    tls_.uri = address_.uri;
    tls_.token = config.token;
    tls_.tls_ca_file = config.tls_ca_file;
    tls_.tls_verify = config.tls_verify;
    if (!config.pool.empty ())
      join (config.pool);
  }
  ~PoolClient () override { *alive_ = false; }

  void join (const std::string &pool) override;
  void leave (std::function<void ()> done) override;
  void send_description (
      const std::string &peer, const std::string &type, const std::string &sdp) override;
  void send_candidate (const std::string &peer, const SignalledCandidate &c) override;
  bool send_app_message (const std::string &type, const std::string &json) override;
  void receive (const std::string &type, const std::string &json) override;

private:
  using Core = PoolClientCore;
  bool own_way () const { return address_.uri.empty (); }
  void on_socket_open (WebSocketClient &s) override;
  void on_socket_text (WebSocketClient &s, std::string_view text) override;
  void on_socket_over (WebSocketClient &s, const WebSocketClient::Failure &f) override;
  void connect ();
  void begin ();
  void on_socket_io (std::string_view text);
  bool send (const std::optional<Core::Message> &m);
  void deliver ();
  void tell (const Core::Event &e);
  void on_refused (const Core::Error &e);
  void work ();
  void hang_up ();
  void end ();
  void fail (const std::string &why, bool fatal);

  Loop &loop_;
  PoolSignaller::Owner &owner_;
  const Config config_;
  const Address address_; // without a uri: the application carries messages
  Signaller::Config tls_;
  std::string pool_; // where we want to be; empty: nowhere
  std::shared_ptr<bool> alive_ = std::make_shared<bool> (true);
  std::unique_ptr<WebSocketClient> socket_;
  std::unique_ptr<WebSocketClient> leaving_; // an old one that says goodbye
  std::unique_ptr<sio::Client> socket_io_;
  std::shared_ptr<Core> core_; // of the present membership; held while it tells
  Backoff backoff_;
  bool was_in_ = false;       // pool_ has let us in before
  Timer again_, late_, work_; // the next attempt; rtc:joined is due; what was put off
  std::vector<std::function<void ()>> done_; // of leave ()
  // Of the application's transport, until work ().
  std::vector<Core::Message> to_send_;
  std::size_t sending_ = 0, receiving_ = 0, received_ = 0; // bytes, bytes, messages
  bool overrun_ = false, bad_name_ = false;
};

void PoolClient::join (const std::string &pool)
{
  if (pool == pool_ && !pool.empty ())
    return;
  hang_up ();
  if (!is_pool (pool)) {
    pool_.clear ();
    bad_name_ = true;
    return work_.arm (Clock::now ());
  }
  pool_ = pool;
  was_in_ = false;
  backoff_.reset ();
  again_.arm (Clock::now ());
}

void PoolClient::leave (std::function<void ()> done)
{
  pool_.clear ();
  hang_up ();
  done_.push_back (std::move (done));
  if (!leaving_)
    work_.arm (Clock::now ());
}

// The membership ends, and its connection with a close frame.
void PoolClient::hang_up ()
{
  end ();
  if (!socket_)
    return;
  leaving_ = std::move (socket_);
  leaving_->close ();
}

void PoolClient::end ()
{
  again_.cancel ();
  late_.cancel ();
  core_.reset ();
  socket_io_.reset ();
  to_send_.clear ();
  sending_ = receiving_ = received_ = 0;
}

void PoolClient::connect ()
{
  if (own_way ())
    return begin ();
  socket_ = std::make_unique<WebSocketClient> (loop_, *this, tls_, address_.uri);
}

void PoolClient::on_socket_open (WebSocketClient &)
{
  late_.arm (Clock::now () + answer);
  if (address_.name_space.empty ())
    return begin ();
  socket_io_ = std::make_unique<sio::Client> (address_.name_space,
      config_.token.empty () ? "" : "{\"token\":" + json::quote (config_.token) + "}");
}

void PoolClient::begin ()
{
  core_ = std::make_shared<Core> (config_.version);
  send (core_->join (pool_));
}

void PoolClient::on_socket_text (WebSocketClient &s, std::string_view text)
{
  if (&s != socket_.get ())
    return;
  if (!address_.name_space.empty ())
    return on_socket_io (text);
  if (!core_)
    return;
  core_->input_text (text);
  deliver ();
}

void PoolClient::on_socket_io (std::string_view text)
{
  if (!socket_io_)
    return;
  socket_io_->input (text);
  while (auto o = socket_io_->poll_output ()) {
    if (const auto *s = std::get_if<sio::Client::Send> (&*o)) {
      socket_->send (s->text);
    } else if (std::get_if<sio::Client::Connected> (&*o)) {
      begin ();
    } else if (const auto *c = std::get_if<sio::Client::Came> (&*o)) {
      core_->input (c->type, c->data);
    } else if (const auto *over = std::get_if<sio::Client::Over> (&*o)) {
      return fail (over->why, over->refused);
    }
  }
  deliver ();
}

void PoolClient::on_socket_over (WebSocketClient &s, const WebSocketClient::Failure &f)
{
  if (&s != leaving_.get ())
    return fail (f.why, f.fatal);
  leaving_.reset ();
  work ();
}

void PoolClient::fail (const std::string &why, bool fatal)
{
  end ();
  socket_.reset ();
  if (fatal) {
    pool_.clear ();
    return owner_.on_error (why, true);
  }
  again_.arm (Clock::now () + backoff_.next (g_random_int ()));
  owner_.on_lost (why);
}

bool PoolClient::send (const std::optional<Core::Message> &m)
{
  if (!m)
    return false;
  if (socket_io_) {
    socket_->send (socket_io_->event (m->type, m->data));
  } else if (!own_way ()) {
    socket_->send ("{\"type\":" + json::quote (m->type) + ",\"data\":" + m->data + "}");
  } else {
    if (sending_ > max_pending || to_send_.size () >= max_messages)
      return false;
    sending_ += m->data.size ();
    to_send_.push_back (*m);
    work_.arm (Clock::now ());
  }
  return true;
}

void PoolClient::send_description (
    const std::string &peer, const std::string &type, const std::string &sdp)
{
  if (core_)
    send (core_->description (peer, type, sdp));
}

void PoolClient::send_candidate (const std::string &peer, const SignalledCandidate &c)
{
  if (core_)
    send (core_->candidate (peer, {c.candidate, c.mid, c.mline, c.ufrag}));
}

bool PoolClient::send_app_message (const std::string &type, const std::string &json)
{
  return core_ && send (core_->app_message (type, json));
}

void PoolClient::receive (const std::string &type, const std::string &json)
{
  if (!own_way () || !core_)
    return;
  work_.arm (Clock::now ());
  if (receiving_ > max_pending || received_ >= max_messages) {
    overrun_ = true;
    return;
  }
  receiving_ += json.size ();
  received_++;
  core_->input (type, json);
}

// What calls have put off.
void PoolClient::work ()
{
  const auto alive = alive_;
  if (!leaving_)
    for (const auto &done : std::exchange (done_, {})) {
      done ();
      if (!*alive)
        return;
    }
  sending_ = receiving_ = received_ = 0;
  for (const Core::Message &m : std::exchange (to_send_, {})) {
    owner_.on_send (m.type, m.data);
    if (!*alive)
      return;
  }
  if (std::exchange (bad_name_, false))
    owner_.on_error (bad_pool, true);
  if (*alive && std::exchange (overrun_, false))
    owner_.on_error ("too many messages at once: some were lost", false);
  if (*alive)
    deliver ();
}

// The owner may leave, join or destroy us at each event; then the rest is nobody's.
void PoolClient::deliver ()
{
  const auto alive = alive_;
  const auto core = core_;
  while (core && *alive && core == core_)
    if (const auto e = core->poll_event ())
      tell (*e);
    else
      return;
}

void PoolClient::on_refused (const Core::Error &e)
{
  fail (e.message, !passes (e.reason, was_in_));
}

void PoolClient::tell (const Core::Event &event)
{
  if (const auto *j = std::get_if<Core::Joined> (&event)) {
    late_.cancel ();
    backoff_.reset ();
    was_in_ = true;
    std::vector<Peer> there;
    for (const Core::Peer &p : j->there)
      there.push_back ({p.id, p.description});
    owner_.on_joined (j->id, j->pool, there);
  } else if (const auto *p = std::get_if<Core::PeerJoined> (&event)) {
    owner_.on_peer (p->id);
  } else if (const auto *d = std::get_if<Core::PeerDescribed> (&event)) {
    owner_.on_peer_described (d->id, d->description);
  } else if (const auto *c = std::get_if<Core::PeerClosed> (&event)) {
    owner_.on_peer_closed (c->id);
  } else if (const auto *s = std::get_if<Core::Described> (&event)) {
    owner_.on_description (s->peer, s->type, s->sdp);
  } else if (const auto *came = std::get_if<Core::CandidateCame> (&event)) {
    const Core::Candidate &of = came->candidate;
    owner_.on_candidate (came->peer, {of.text, of.mid, of.mline, of.ufrag});
  } else if (const auto *e = std::get_if<Core::Error> (&event)) {
    if (e->refused)
      on_refused (*e);
    else
      owner_.on_error (e->message, false);
  } else if (const auto *m = std::get_if<Core::AppMessage> (&event)) {
    owner_.on_app_message (m->type, m->data);
  } else {
    pool_.clear ();
    hang_up ();
    owner_.on_stopped ();
  }
}
} // namespace

std::unique_ptr<PoolSignaller> PoolSignaller::make (
    Loop &loop, Owner &owner, const Config &config, std::string &error)
{
  Address address;
  if (!config.uri.empty ()) {
    auto a = address_of (config.uri, error);
    if (!a)
      return nullptr;
    address = std::move (*a);
  }
  if (config.version > 2)
    error = "the protocol's version is 1 or 2, or 0 for both";
  else if (!config.pool.empty () && !is_pool (config.pool))
    error = bad_pool;
  else
    return std::make_unique<PoolClient> (loop, owner, config, std::move (address));
  return nullptr;
}
} // namespace reach::rtc

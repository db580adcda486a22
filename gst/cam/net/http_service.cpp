// SPDX-License-Identifier: LGPL-2.1-or-later
#include "http_service.h"
#include "http_paths.h"
#include "http_server_pull.h"
#include "http_server_push.h"
#include <algorithm>

namespace reach::cam {
namespace {
bool valid_id (std::string_view s)
{
  return s.size () >= 8 && s.size () <= 64 && std::all_of (s.begin (), s.end (), [] (char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

std::optional<MediaType> media_type (std::string_view name)
{
  for (std::size_t i = 0; i < n_media_types; i++)
    if (name == media_type_name (static_cast<MediaType> (i)))
      return static_cast<MediaType> (i);
  return {};
}

// What is behind this prefix, if the path has it.
std::optional<std::string_view> behind (std::string_view path, std::string_view prefix)
{
  if (!path.starts_with (prefix))
    return {};
  return path.substr (prefix.size ());
}
} // namespace

HttpService::HttpService (Loop &loop, StorageSource &storage, Config config, Owner &owner)
    : loop_ (loop), storage_ (storage), config_ (config), owner_ (owner)
{
}

HttpService::~HttpService ()
{
  for (HttpChannel *c : channels_)
    c->service_gone ();
}

std::optional<bool> HttpService::is_http (Bytes first)
{
  // A cam message starts with its kind, a small number; a method is upper-case letters.
  if (first.empty ())
    return {};
  return first.front () >= 'A' && first.front () <= 'Z';
}

// Who only connects must not keep out a peer whose channel needs one more connection.
void HttpService::drop_stranger ()
{
  HttpServerConnection *oldest = nullptr;
  for (const auto &[p, c] : connections_)
    if (p->stranger () && (!oldest || p->since () < oldest->since ()))
      oldest = p;
  if (oldest)
    oldest->abort ();
}

void HttpService::take (StreamSocket::Detached accepted, Bytes before)
{
  if (connections_.size () >= config_.connections)
    drop_stranger ();
  auto c = std::make_unique<HttpServerConnection> (loop_,
      static_cast<HttpServerConnection::Routes &> (*this), config_.connection, accepted.fd,
      std::move (accepted.tls));
  HttpServerConnection *p = c.get ();
  connections_.emplace (p, std::move (c));
  if (connections_.size () > config_.connections)
    p->abort ();
  else
    p->take (before);
}

Duration HttpService::patience (MediaType type) const
{
  const milliseconds t = config_.timeouts[static_cast<std::size_t> (type)];
  return t < milliseconds::zero () ? config_.forever : t;
}

void HttpService::add (HttpChannel &c)
{
  channels_.push_back (&c);
  if (!c.id ().empty ())
    by_id_[c.id ()] = &c;
}

void HttpService::remove (HttpChannel &c)
{
  std::erase (channels_, &c);
  if (const auto it = by_id_.find (c.id ()); it != by_id_.end () && it->second == &c)
    by_id_.erase (it);
}

HttpChannel *HttpService::find (const std::string &id)
{
  const auto it = by_id_.find (id);
  return it == by_id_.end () || it->second->over () ? nullptr : it->second;
}

void HttpService::on_connection_over (HttpServerConnection &c)
{
  if (auto node = connections_.extract (&c))
    loop_.destroy_later (std::move (node.mapped ()));
}

Shares::Place HttpService::place_for_channel (HttpServerConnection &c)
{
  if (channels_.size () >= config_.channels) {
    c.refuse (503, "All " + std::to_string (config_.channels) + " channels are in use.");
    return {};
  }
  auto place = strangers_.take (network_of (c.peer ()));
  if (!place)
    c.refuse (503, "Too many channels of this address are waiting to be let in.");
  return place;
}

void HttpService::refuse_path (HttpServerConnection &c)
{
  const auto is = [&] (std::string_view prefix) { return c.request ().path.starts_with (prefix); };
  if (config_.push ? is (push_path) : is (up_path))
    return c.refuse (405, "This path takes POST.");
  if (config_.pull && is (pull_path))
    return c.refuse (405, "This path takes GET and HEAD.");
  c.refuse (404, config_.pull
                     ? "There is nothing here. Media are at /cam/v1/pull/video, audio, data, "
                       "command and file."
                     : "There is nothing here. Media are taken at /cam/v1/push/video, audio, "
                       "data, command and file.");
}

void HttpService::on_post (HttpServerConnection &c)
{
  const std::string_view path = c.request ().path;
  const auto query = http::Query::parse (c.request ().query);
  if (!query)
    return c.refuse (400, "The query cannot be read.");
  if (const auto type = behind (path, push_path); type && config_.push)
    return post_push (c, *type, *query);
  const auto id = behind (path, up_path);
  if (!id || !config_.pull)
    return refuse_path (c);
  HttpChannel *channel = find (std::string (*id));
  if (!channel)
    return c.refuse (410, "There is no such channel, or no more.");
  channel->post_begin (c, *query);
}

void HttpService::post_push (HttpServerConnection &c, std::string_view type, const http::Query &q)
{
  const auto media = media_type (type);
  if (!media)
    return c.refuse (404, "The types are video, audio, data, command and file.");
  const std::string *id = q.get ("channel");
  if (!id || !valid_id (*id))
    return c.refuse (400, "channel is 8 to 64 letters, digits, - and _, chosen at random.");
  HttpChannel *channel = find (*id);
  if (!channel) {
    // Only a first POST opens a channel: a later one belongs to a channel that has timed out.
    if (q.number ("seq", 0) != 0u)
      return c.refuse (410, "There is no such channel, or no more.");
    auto place = place_for_channel (c);
    if (!place)
      return;
    owner_.on_http_transport (
        std::make_unique<HttpServerPush> (*this, *id, *media, c.peer (), std::move (place)),
        *media);
    channel = find (*id);
  }
  if (!channel || channel->type () != *media)
    return c.refuse (403, "This channel is not accepted.");
  channel->post_begin (c, q);
}

void HttpService::on_request (HttpServerConnection &c)
{
  const http::Request &r = c.request ();
  const auto query = http::Query::parse (r.query);
  const auto type = behind (r.path, pull_path);
  if (!type || !config_.pull || (r.method != "GET" && r.method != "HEAD"))
    return refuse_path (c);
  if (!query)
    return c.refuse (400, "The query cannot be read.");
  get_pull (c, *type, *query);
}

void HttpService::get_pull (HttpServerConnection &c, std::string_view type, const http::Query &q)
{
  const auto media = media_type (type);
  if (!media)
    return c.refuse (404, "The types are video, audio, data, command and file.");
  if (c.request ().method == "HEAD")
    return c.respond_head_only ();
  const std::string *id = q.get ("channel");
  if (id && !valid_id (*id))
    return c.refuse (400, "channel is 8 to 64 letters, digits, - and _, chosen at random.");
  const std::string *mode = q.get ("mode");
  if (mode && (*mode != "complete" || !id))
    return c.refuse (400, "mode is complete, and then there is a channel.");
  HttpChannel *channel = id ? find (*id) : nullptr;
  if (!channel)
    return open_pull (c, *media, q);
  auto *pull = dynamic_cast<HttpServerPull *> (channel);
  if (!mode || !pull || channel->type () != *media)
    return c.refuse (409, "This channel is in use.");
  pull->get_complete (c, q);
}

void HttpService::open_pull (HttpServerConnection &c, MediaType type, const http::Query &q)
{
  if (q.number ("pos", 0) != 0u)
    return c.refuse (410, "There is no such channel, or no more.");
  std::vector<std::uint8_t> hello;
  const std::string *text = q.get ("hello");
  if (text) {
    auto decoded = text->size () <= max_hello_text ? http::base64url_decode (*text) : std::nullopt;
    if (!decoded || decoded->empty ())
      return c.refuse (400, "hello is a message in base64url of at most 6144 characters.");
    hello = std::move (*decoded);
  } else {
    hello = owner_.default_hello (type);
    if (hello.empty ())
      return c.refuse (400, "hello is missing.");
  }
  auto place = place_for_channel (c);
  if (!place)
    return;
  const std::string *id = q.get ("channel");
  auto made = std::make_unique<HttpServerPull> (
      *this, id ? *id : std::string (), type, c.peer (), std::move (hello), std::move (place));
  HttpServerPull *pull = made.get ();
  owner_.on_http_transport (std::move (made), type);
  if (std::find (channels_.begin (), channels_.end (), pull) == channels_.end () ||
      !pull->usable ())
    return c.refuse (403, "This channel is not accepted.");
  if (q.get ("mode"))
    pull->get_complete (c, q);
  else
    pull->get_stream (c);
}
} // namespace reach::cam

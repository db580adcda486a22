// SPDX-License-Identifier: LGPL-2.1-or-later
// Which ask is answered by what, and how often a client may ask.
#include "router.h"
#include <algorithm>

namespace reach::cam {
namespace {
// In the order of AskType.
constexpr std::array<const char *, n_asks> names = {"join-group", "leave-group", "list-groups",
    "group-info", "group-members", "add-contact", "remove-contact", "list-contacts",
    "add-allowed-sender", "remove-allowed-sender", "list-allowed-senders", "set-default-accept",
    "block", "unblock", "list-blocked", "say-hello", "say-goodbye", "request-media-access",
    "cancel-media-access-request", "allow-media-access", "cancel-media-access", "set-user-info",
    "get-user-info", "list-users"};

// A notice costs the server less than an ask, but one ask may make a thousand.
constexpr double price_of_notice = 1.0 / 16;
} // namespace

const char *ask_name (AskType t)
{
  return names[static_cast<std::size_t> (t)];
}

Router::Handler Router::handler (AskType t)
{
  static constexpr std::array<Handler, n_asks> handlers = {&Router::join_group,
      &Router::leave_group, &Router::list_groups, &Router::group_info, &Router::group_members,
      &Router::add_to<&Client::contacts>, &Router::remove_from<&Client::contacts>,
      &Router::show<&Client::contacts>, &Router::add_to<&Client::allowed>,
      &Router::remove_from<&Client::allowed>, &Router::show<&Client::allowed>,
      &Router::set_default_accept, &Router::add_to<&Client::blocked>,
      &Router::remove_from<&Client::blocked>, &Router::show<&Client::blocked>, &Router::say_hello,
      &Router::say_goodbye, &Router::request_media_access, &Router::cancel_media_access_request,
      &Router::allow_media_access, &Router::cancel_media_access, &Router::set_user_info,
      &Router::get_user_info, &Router::list_users};
  return handlers[static_cast<std::size_t> (t)];
}

// What cost more than there was is paid by waiting.
bool Router::pay (Client &me, TimePoint now, double price)
{
  const double burst = config_.limits.ask_burst;
  me.asks.fill (config_.limits.asks_per_second, burst, now);
  if (me.asks.tokens < 1)
    return false;
  me.asks.tokens = std::max (me.asks.tokens - price, -burst);
  return true;
}

Answer Router::ask (const std::string &from, const Command &request, TimePoint now)
{
  Answer a;
  a.result.name = request.name;
  const auto name = std::ranges::find (names, request.name);
  const auto type = static_cast<AskType> (name - names.begin ());
  Client *me = clients_.find (from);
  if (!me || !me->has_parts ()) {
    a.status = AskStatus::no_such_client;
  } else if (!pay (*me, now, 1)) {
    a.status = AskStatus::too_fast;
  } else if (name == names.end ()) {
    a.status = AskStatus::unknown_ask;
  } else if (!(config_.served & ask_bit (type))) {
    a.status = AskStatus::not_served;
  } else {
    AskReader in (request, now);
    const std::size_t before = notices_.size ();
    a.status = (this->*handler (type)) (*me, in, a.result);
    const auto made = static_cast<double> (notices_.size () - before);
    me->asks.tokens = std::max (
        me->asks.tokens - made * price_of_notice, -static_cast<double> (config_.limits.ask_burst));
  }
  if (a.status != AskStatus::ok)
    a.text = ask_status_text (a.status);
  return a;
}
} // namespace reach::cam

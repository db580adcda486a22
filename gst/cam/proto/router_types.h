// SPDX-License-Identifier: LGPL-2.1-or-later
// What the server's routing core is given and what it tells (router.h).
#pragma once
#include "command.h"
#include "common/proto/time.h"
#include "message.h"
#include <array>
#include <functional>
#include <map>

namespace reach::cam {

constexpr std::size_t max_group_name = 64; // as the guid-group of a hello
constexpr std::size_t max_password = 255;

struct RouterLimits {
  std::size_t max_clients = 10000; // known ones, online or not
  std::size_t max_groups = 1000;
  std::size_t max_members = 1000;   // of a group
  std::size_t max_memberships = 64; // of a client
  std::size_t max_contacts = 256;   // of a client; also of allowed senders, and of blocked clients
  std::size_t max_entries = 200000; // of all clients' lists together
  std::size_t max_info = 4096;      // bytes of a client's user info
  std::size_t max_banned = 10000;   // by the server
  unsigned asks_per_second = 20;    // of a client; a notice to many counts for several
  unsigned ask_burst = 100;         // at once, after a quiet time
  unsigned wrong_passwords = 5;     // of a client within password_window, then none is looked at
  Duration password_window = seconds (60);
  unsigned hashes_per_second = 20; // of group passwords, of all clients together
  unsigned hash_burst = 20;        // at once, after a quiet time
};

// What stays of a client that has gone, and is in the saved state.
enum class KeepClientInfo : std::uint8_t {
  never,  // nothing: permanent memberships end like others
  groups, // permanent memberships
  all,    // and contacts, allowed and blocked clients, default-accept, user info
};

// What can be asked: the bits of RouterConfig::served. Names and parameters:
// docs/protocol-cam-server.md.
enum class AskType : std::uint8_t {
  join_group,
  leave_group,
  list_groups,
  group_info,
  group_members,
  add_contact,
  remove_contact,
  list_contacts,
  add_allowed_sender,
  remove_allowed_sender,
  list_allowed_senders,
  set_default_accept,
  block,
  unblock,
  list_blocked,
  say_hello,
  say_goodbye,
  request_media_access,
  cancel_media_access_request,
  allow_media_access,
  cancel_media_access,
  set_user_info,
  get_user_info,
  list_users,
};
constexpr std::size_t n_asks = 24;
const char *ask_name (AskType t); // "join-group" …
constexpr std::uint32_t ask_bit (AskType t)
{
  return 1u << static_cast<unsigned> (t);
}
constexpr std::uint32_t all_asks = (1u << n_asks) - 1;

using Digest = std::array<std::uint8_t, 32>;

struct RouterConfig {
  RouterLimits limits;
  KeepClientInfo keep = KeepClientInfo::never;
  std::uint32_t served = all_asks & ~ask_bit (AskType::list_users);
  std::uint8_t default_accept = all_types; // of a client that has not said otherwise
  // A client whose last part vanished without order counts as online for so long: it may come back.
  Duration resume_window = seconds (15);
  // Of group passwords: one that takes its time, and one that does not and is never stored. Without
  // these and random bytes, no group gets a password.
  using Hash = std::function<Digest (Bytes salt, std::string_view password)>;
  Hash hash, quick_hash;
  std::function<void (std::span<std::uint8_t> out)> random; // unpredictable bytes
};

// A receiver of what somebody sends, and the media types (bits, not 0) it takes from there.
struct Target {
  std::string guid;
  std::uint8_t media_types = 0;
  bool operator== (const Target &) const = default;
};

struct RouterNotice {
  std::string to; // has a receiver now
  Command what;
};
// What this client sends or receives may have changed: ask again for both.
struct RoutesChanged {
  std::string guid;
};
// Close all links of this client.
struct Kick {
  std::string guid, why;
};
// save () would give something else than before.
struct StateChanged {};
using RouterEvent = std::variant<RouterNotice, RoutesChanged, Kick, StateChanged>;
} // namespace reach::cam

// SPDX-License-Identifier: LGPL-2.1-or-later
// The routing core of a media server: which clients there are, their groups, contacts, permissions
// and presence; what they ask and what they are told of each other; who gets what of whom
// (docs/protocol-cam-server.md).
//
// One thread, no I/O. The owner reports parts of clients that come and go, asks and time, takes all
// events after each call, and asks for routes when it needs them: they depend on nothing but this
// state, so they may be kept until RoutesChanged. Nothing here grows beyond RouterLimits.
#pragma once
#include "ask_reader.h"
#include "router_clients.h"
#include "router_groups.h"
#include <deque>

namespace reach::cam {

class Router {
public:
  using Limits = RouterLimits;
  using Keep = KeepClientInfo;
  using Target = cam::Target;
  using Notice = RouterNotice;
  using Event = RouterEvent;
  enum class Part : std::uint8_t { sender, receiver };

  explicit Router (RouterConfig config);

  // A part of a client has been let in: one of any number of senders, or its receiver (two for a
  // moment, while one replaces the other). False: banned, too many clients, or not a guid; then it
  // does not count and must not vanish. A sender without guid is anonymous: true, and nothing is
  // kept of it.
  bool appear (const std::string &guid, Part part, TimePoint now);
  // It is gone. Orderly: it said so itself. The last part's vanishing is the client's exit, if it
  // is not orderly only after the resume window.
  void vanish (const std::string &guid, Part part, bool orderly, TimePoint now);

  // An ask of client `from`, which has appeared. The caller sets the answer's id.
  Answer ask (const std::string &from, const Command &request, TimePoint now);

  // The group that a client names as its own: joined as with join-group, if it has no password.
  void attend (const std::string &guid, const std::string &group, TimePoint now);

  // Who gets what `from` (empty: anonymous) sends to client `to`, else to `group`, else to its
  // contacts. Known clients, online or not, sorted; never those that blocked it or that it has
  // blocked, nor itself unless `to` says so.
  std::vector<Target> targets (
      const std::string &from, const std::string &to, const std::string &group) const;
  // Of these, one receiver's media types; 0: nothing. Cheap.
  std::uint8_t media_types (const std::string &from, const std::string &to,
      const std::string &group, const std::string &receiver) const;
  // To find the senders that may reach a client: its groups, and the clients whose contact it is.
  std::vector<std::string> groups_of (const std::string &guid) const;
  std::vector<std::string> contact_of (const std::string &guid) const;

  // The server's own block list: a banned client cannot appear, and is kicked when it is there.
  // False: too many are, or not a guid.
  bool ban (const std::string &guid, const std::string &why);
  bool unban (const std::string &guid); // false: it was not
  std::vector<std::string> banned () const;

  // Notices in order, then routes (each client once), then at most one StateChanged.
  std::optional<Event> poll_event ();
  void timeout (TimePoint now);
  TimePoint poll_timeout () const; // max (): none

  // The state that outlives this object, as the configuration's `keep` says, with everything of
  // clients that are online. Call load () before the first appear (). False: not what save ()
  // writes; nothing is taken. What is above a limit now, or not kept now, is left out.
  std::vector<std::uint8_t> save () const;
  bool load (Bytes in);

  std::size_t clients () const; // known ones
  std::size_t groups () const;
  bool knows (const std::string &guid) const;

private:
  // Asks. What they need of their client and parameters; what they put into the answer.
  using Handler = AskStatus (Router::*) (Client &me, AskReader &in, Command &result);
  static Handler handler (AskType t);
  bool pay (Client &me, TimePoint now, double price);

  AskStatus join_group (Client &me, AskReader &in, Command &result);
  AskStatus leave_group (Client &me, AskReader &in, Command &result);
  AskStatus list_groups (Client &me, AskReader &in, Command &result);
  AskStatus group_info (Client &me, AskReader &in, Command &result);
  AskStatus group_members (Client &me, AskReader &in, Command &result);

  template <GuidList Client::*list> AskStatus add_to (Client &me, AskReader &in, Command &result);
  template <GuidList Client::*list>
  AskStatus remove_from (Client &me, AskReader &in, Command &result);
  template <GuidList Client::*list> AskStatus show (Client &me, AskReader &in, Command &result);
  AskStatus set_default_accept (Client &me, AskReader &in, Command &result);
  AskStatus say_hello (Client &me, AskReader &in, Command &result);
  AskStatus say_goodbye (Client &me, AskReader &in, Command &result);

  AskStatus request_media_access (Client &me, AskReader &in, Command &result);
  AskStatus cancel_media_access_request (Client &me, AskReader &in, Command &result);
  AskStatus allow_media_access (Client &me, AskReader &in, Command &result);
  AskStatus cancel_media_access (Client &me, AskReader &in, Command &result);
  AskStatus set_user_info (Client &me, AskReader &in, Command &result);
  AskStatus get_user_info (Client &me, AskReader &in, Command &result);
  AskStatus list_users (Client &me, AskReader &in, Command &result);

  // Groups
  AskStatus admit (Client &me, AskReader &in, const std::string &name, bool &created);
  Group *group_of (const std::string &name);
  void leave (Client &c, const std::string &group, bool orderly);
  void tell_group (const Group &g, const Client &about, Command what);

  // Presence
  bool make_room ();
  void exit (Client &c, bool orderly);
  void forget (Client &c);
  void say_exit (Client &c, bool orderly);
  std::set<std::string> greeted (const Client &c) const;

  void notify (const Client &to, const Client &about, Command what);
  // Something that is in the saved state when at least this much is kept.
  void changed (KeepClientInfo least);
  bool keeps (KeepClientInfo least) const { return config_.keep >= least; }
  std::uint8_t mask (const std::string &from, const Client &receiver, std::uint8_t types) const
  {
    return types & clients_.accepts (receiver, from);
  }

  // Saved state
  bool stays (const Client &c) const;
  void save_client (ByteWriter &w, const Client &c) const;
  bool save_group (ByteWriter &w, const Group &g) const;
  bool load_all (ByteReader r);
  bool load_client (ByteReader r, bool left_out);
  bool load_group (ByteReader r);

  RouterConfig config_;
  Clients clients_;
  Groups groups_;
  Passwords passwords_;
  std::set<std::string, std::less<>> banned_;
  std::deque<Notice> notices_;
  std::deque<Kick> kicks_;
  std::set<std::string> routes_changed_;
  bool state_changed_ = false;
};
} // namespace reach::cam

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "ask_server.h"
#include "command_structure.h"
#include "names.h"
#include <algorithm>
#include <array>

namespace reach::cam {
namespace {
// Expires unless it has been answered: the application is told in any case.
class Promise final {
public:
  explicit Promise (GstPromise *p) : promise_ (p ? gst_promise_ref (p) : nullptr) {}
  ~Promise ()
  {
    if (!promise_)
      return;
    if (!answered_)
      gst_promise_expire (promise_);
    gst_promise_unref (promise_);
  }
  Promise (const Promise &) = delete;
  Promise &operator= (const Promise &) = delete;

  void reply (const AskReply &r);

private:
  GstPromise *promise_;
  bool answered_ = false;
};

// What answers and notices are made of has its place in a structure, whatever other peers have used
// up of the budget for names.
constexpr std::array own_names{"answer", "cam-server-notice", "status", "text", "parameters",
    "notice", "group", "groups", "owner", "created", "permanent", "passwords", "password",
    "members", "member", "online", "next", "guid", "guids", "media-types", "present", "users",
    "infos", "orderly", "user-enter", "user-exit", "user-joins-group", "user-leaves-group",
    "media-access-request", "media-access-request-cancelled", "media-access-allowed",
    "media-access-cancelled"};

void know_own_names ()
{
  for (const char *name : own_names)
    g_quark_from_static_string (name);
}

// Parameters that are lists of texts, where they are the server's own words.
bool is_list (const Command &answer, const std::string &parameter)
{
  static constexpr std::array lists{"groups", "members", "guids", "present", "users"};
  return answer.name != "get-user-info" && std::ranges::find (lists, parameter) != lists.end ();
}

void put_list (GstStructure *s, const Parameter &p)
{
  const auto *bytes = std::get_if<std::vector<std::uint8_t>> (&p.value);
  const auto strings = bytes ? decode_strings (*bytes) : std::nullopt;
  if (!strings)
    return;
  GValue all = G_VALUE_INIT;
  gst_value_array_init (&all, static_cast<guint> (strings->size ()));
  for (const std::string &text : *strings) {
    GValue v = G_VALUE_INIT;
    g_value_set_string (g_value_init (&v, G_TYPE_STRING), text.c_str ());
    gst_value_array_append_and_take_value (&all, &v);
  }
  gst_structure_take_value (s, p.name.c_str (), &all);
}

void Promise::reply (const AskReply &r)
{
  answered_ = true;
  if (!promise_)
    return;
  const StructurePtr result = structure_of (r.result);
  GstStructure *s = gst_structure_new_empty ("answer");
  for (int i = 0; i < gst_structure_n_fields (result.get ()); i++) {
    const char *name = gst_structure_nth_field_name (result.get (), static_cast<guint> (i));
    gst_structure_set_value (s, name, gst_structure_get_value (result.get (), name));
  }
  for (const Parameter &p : r.result.parameters)
    if (is_list (r.result, p.name))
      put_list (s, p);
  set_parameters (s, "parameters", r.result);
  gst_structure_set (
      s, "status", G_TYPE_STRING, r.status, "text", G_TYPE_STRING, r.text.c_str (), nullptr);
  gst_promise_reply (promise_, s);
}
} // namespace

void ask_server (
    const GstStructure *request, GstPromise *promise, SerialQueue *events, const SendAsk &send)
{
  const auto p = std::make_shared<Promise> (promise);
  if (!send || !request)
    return p->reply ({"not-running", "the element is not running", {}});
  std::string error;
  auto command = command_of (request, {}, error);
  if (!command)
    return p->reply ({"malformed", error, {}});
  send (std::move (*command), [p, events] (AskReply r) {
    events->post ([p, reply = std::move (r)] { p->reply (reply); });
  });
}

GstStructure *notice_structure (const std::string &peer, const Command &notice)
{
  const StructurePtr same = structure_of (notice);
  GstStructure *s =
      gst_structure_new ("cam-server-notice", "peer", G_TYPE_STRING, peer.c_str (), "name",
          G_TYPE_STRING, notice.name.c_str (), "notice", GST_TYPE_STRUCTURE, same.get (), nullptr);
  set_parameters (s, "parameters", notice);
  return s;
}

// ---- signals

namespace {
void ask (GstElement *e, GstStructure *request, GstPromise *promise)
{
  g_signal_emit_by_name (e, "ask-server", request, promise);
  gst_structure_free (request);
}

void join_group (
    GstElement *e, const gchar *group, const gchar *password, gboolean permanent, GstPromise *p)
{
  GstStructure *s = gst_structure_new (
      "join-group", "group", G_TYPE_STRING, group, "permanent", G_TYPE_BOOLEAN, permanent, nullptr);
  if (password)
    gst_structure_set (s, "password", G_TYPE_STRING, password, nullptr);
  ask (e, s, p);
}

// Asks of one text.
struct ShortAsk {
  const char *name, *parameter;
};
constexpr std::array short_asks{ShortAsk{"leave-group", "group"}, ShortAsk{"add-contact", "guid"},
    ShortAsk{"remove-contact", "guid"}, ShortAsk{"request-media-access", "guid"},
    ShortAsk{"allow-media-access", "guid"}, ShortAsk{"cancel-media-access", "guid"}};

template <std::size_t i> void short_ask (GstElement *e, const gchar *text, GstPromise *p)
{
  ask (e,
      gst_structure_new (short_asks[i].name, short_asks[i].parameter, G_TYPE_STRING, text, nullptr),
      p);
}

void say_hello (GstElement *e, GstPromise *p)
{
  ask (e, gst_structure_new_empty ("say-hello"), p);
}

void say_goodbye (GstElement *e, GstPromise *p)
{
  ask (e, gst_structure_new_empty ("say-goodbye"), p);
}

constexpr auto action = static_cast<GSignalFlags> (G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION);
constexpr GType text_type = G_TYPE_STRING | G_SIGNAL_TYPE_STATIC_SCOPE;

template <std::size_t... i> void install_short_asks (GType element, std::index_sequence<i...>)
{
  (g_signal_new_class_handler (short_asks[i].name, element, action, G_CALLBACK (short_ask<i>),
       nullptr, nullptr, nullptr, G_TYPE_NONE, 2, text_type, GST_TYPE_PROMISE),
      ...);
}
} // namespace

/**
 * GstCamSender::ask-server:
 * @element: the camsender or camreceiver
 * @request: (transfer none): its name is the ask, its fields are the parameters
 * @promise: (nullable): gets the answer, as of #GstCamSender::ask-server
 *
 * Asks the media server at the other end (docs/protocol-cam-server.md). From any thread; does not
 * wait. The promise is replied with `answer`: status, text, the fields of the result, and all of
 * these in parameters. Its change function runs in the event thread.
 *
 * Since: 0.1
 */
/**
 * GstCamSender::join-group:
 * @element: the camsender or camreceiver
 * @group: its name
 * @password: (nullable): of the group
 * @permanent: whether the membership outlives the connection
 * @promise: (nullable): gets the answer, as of #GstCamSender::ask-server
 *
 * Joins a group of the server, or makes it.
 *
 * Since: 0.1
 */
/**
 * GstCamSender::say-hello:
 * @element: the camsender or camreceiver
 * @promise: (nullable): gets the answer, as of #GstCamSender::ask-server
 *
 * Tells contacts and allowed senders that this client is there.
 *
 * Since: 0.1
 */
/**
 * GstCamSender::say-goodbye:
 * @element: the camsender or camreceiver
 * @promise: (nullable): gets the answer, as of #GstCamSender::ask-server
 *
 * Tells them that it goes.
 *
 * Since: 0.1
 */
/**
 * GstCamSender::leave-group:
 * @element: the camsender or camreceiver
 * @group: its name
 * @promise: (nullable): gets the answer, as of #GstCamSender::ask-server
 *
 * Leaves a group.
 *
 * Since: 0.1
 */
/**
 * GstCamSender::add-contact:
 * @element: the camsender or camreceiver
 * @guid: of the client
 * @promise: (nullable): gets the answer, as of #GstCamSender::ask-server
 *
 * Makes a client a default receiver.
 *
 * Since: 0.1
 */
/**
 * GstCamSender::remove-contact:
 * @element: the camsender or camreceiver
 * @guid: of the client
 * @promise: (nullable): gets the answer, as of #GstCamSender::ask-server
 *
 * Takes it off the list again.
 *
 * Since: 0.1
 */
/**
 * GstCamSender::request-media-access:
 * @element: the camsender or camreceiver
 * @guid: of the client
 * @promise: (nullable): gets the answer, as of #GstCamSender::ask-server
 *
 * Asks a client for its media.
 *
 * Since: 0.1
 */
/**
 * GstCamSender::allow-media-access:
 * @element: the camsender or camreceiver
 * @guid: of the client
 * @promise: (nullable): gets the answer, as of #GstCamSender::ask-server
 *
 * Lets a client have the media of this one.
 *
 * Since: 0.1
 */
/**
 * GstCamSender::cancel-media-access:
 * @element: the camsender or camreceiver
 * @guid: of the client
 * @promise: (nullable): gets the answer, as of #GstCamSender::ask-server
 *
 * Ends that, from either side.
 *
 * Since: 0.1
 */
void install_ask_signals (GType element, void (*ask) (GstElement *, GstStructure *, GstPromise *))
{
  know_own_names ();
  g_signal_new_class_handler ("ask-server", element, action, G_CALLBACK (ask), nullptr, nullptr,
      nullptr, G_TYPE_NONE, 2, GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE, GST_TYPE_PROMISE);
  g_signal_new_class_handler ("join-group", element, action, G_CALLBACK (join_group), nullptr,
      nullptr, nullptr, G_TYPE_NONE, 4, text_type, text_type, G_TYPE_BOOLEAN, GST_TYPE_PROMISE);
  g_signal_new_class_handler ("say-hello", element, action, G_CALLBACK (say_hello), nullptr,
      nullptr, nullptr, G_TYPE_NONE, 1, GST_TYPE_PROMISE);
  g_signal_new_class_handler ("say-goodbye", element, action, G_CALLBACK (say_goodbye), nullptr,
      nullptr, nullptr, G_TYPE_NONE, 1, GST_TYPE_PROMISE);
  install_short_asks (element, std::make_index_sequence<short_asks.size ()> ());
}
} // namespace reach::cam

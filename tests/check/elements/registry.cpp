// SPDX-License-Identifier: LGPL-2.1-or-later
// What gst-inspect-1.0 shows must read like a manual page: every element of this set, its pads,
// properties and signals. What must exist at all is listed here by hand.
#include "plugin.h"
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {
struct Expected {
  const char *element;
  std::vector<const char *> templates, properties, signals, actions;
};

// Of the elements with media.
const std::vector<const char *> common_properties{"protocol", "mode", "host", "port",
    "bind-address", "current-port", "guid", "guid-to", "guid-group", "use-guid", "senders",
    "latency", "video-timeout", "audio-timeout", "command-timeout", "data-timeout", "file-timeout",
    "idle-timeout", "reconnect", "max-queue-time", "max-queue-bytes", "proxy", "proxy-id",
    "proxy-pw", "session-key", "open-channels", "max-channels", "stats"};
const std::vector<const char *> cam_events{"channel-opened", "connecting", "connected",
    "connect-error", "disconnected", "channel-closed", "session-connected", "session-disconnected"};
// A sender has links, but neither channels nor sessions.
const std::vector<const char *> link_events{
    "connecting", "connected", "connect-error", "disconnected"};
const std::vector<const char *> cam_templates{"video_%u", "audio_%u", "data_%u"};

const std::vector<Expected> expected{
    {"camsender", cam_templates, {}, link_events, {"send-command", "send-data", "send-file"}},
    {"camreceiver", cam_templates,
        {"media-types", "keep-listening", "resume-window", "poll-interval"}, cam_events, {}},
    {"camdeltaenc", {"sink", "src"},
        {"pixel-threshold", "pixel-threshold-r", "pixel-threshold-g", "pixel-threshold-b",
            "min-change-area-size", "full-frame-interval", "difference-interval", "test-mode",
            "skip-identical", "stats"},
        {}, {}},
    {"camdeltadec", {"sink", "src"}, {"on-corruption", "stats"}, {}, {}},
    {"cammediaserver", {"tap_%u"},
        {"port", "udp-port", "bind-address", "current-port", "current-udp-port", "loops",
            "gop-cache", "resume-window", "max-clients", "duplicate-id", "video-buffer-size",
            "audio-buffer-size", "data-buffer-size", "command-buffer-size", "file-buffer-size",
            "stats"},
        {"client-connected", "client-disconnected", "client-rejected"}, {}},
};

bool has_link (const Expected &e)
{
  return e.templates == cam_templates;
}

// The plugins of this set that were built; each must have at least one element.
const std::vector<const char *> plugins{"cam"};

std::vector<GstElementFactory *> our_factories ()
{
  std::vector<GstElementFactory *> found;
  for (const char *plugin : plugins) {
    GList *features = gst_registry_get_feature_list_by_plugin (gst_registry_get (), plugin);
    for (GList *i = features; i; i = i->next)
      if (GST_IS_ELEMENT_FACTORY (i->data))
        found.push_back (GST_ELEMENT_FACTORY (gst_object_ref (i->data)));
    gst_plugin_feature_list_free (features);
  }
  return found;
}

void each_element (const std::function<void (GstElementFactory *, GstElement *)> &look)
{
  const auto factories = our_factories ();
  fail_if (factories.empty (), "no element of this set is registered");
  for (GstElementFactory *factory : factories) {
    GstElement *element = gst_element_factory_create (factory, nullptr);
    fail_unless (element != nullptr, "%s cannot be made", GST_OBJECT_NAME (factory));
    look (factory, element);
    gst_object_unref (element);
    gst_object_unref (factory);
  }
}

bool reads_well (const char *text, std::size_t at_least)
{
  return text && std::string (text).size () >= at_least && g_ascii_isspace (text[0]) == FALSE &&
         (g_ascii_isupper (text[0]) || g_ascii_isdigit (text[0]));
}

// Types of this project, as opposed to the classes of GStreamer they derive from.
bool ours (GType type)
{
  const std::string name = g_type_name (type);
  return name.starts_with ("GstCam") || name.starts_with ("GstReach");
}

void check_range (const std::string &where, GParamSpec *spec)
{
  GValue value = G_VALUE_INIT;
  g_value_init (&value, spec->value_type);
  g_param_value_set_default (spec, &value);
  fail_if (
      g_param_value_validate (spec, &value), "%s: the default is out of range", where.c_str ());
  g_value_unset (&value);
  if (auto *i = G_IS_PARAM_SPEC_INT (spec) ? G_PARAM_SPEC_INT (spec) : nullptr) {
    fail_unless (i->minimum < i->maximum, "%s: empty range", where.c_str ());
    fail_unless (i->minimum > G_MININT, "%s: no real minimum", where.c_str ());
  } else if (auto *u = G_IS_PARAM_SPEC_UINT (spec) ? G_PARAM_SPEC_UINT (spec) : nullptr) {
    fail_unless (u->minimum < u->maximum, "%s: empty range", where.c_str ());
  } else if (auto *l = G_IS_PARAM_SPEC_INT64 (spec) ? G_PARAM_SPEC_INT64 (spec) : nullptr) {
    fail_unless (l->minimum < l->maximum, "%s: empty range", where.c_str ());
    fail_unless (l->minimum > G_MININT64, "%s: no real minimum", where.c_str ());
  } else if (auto *d = G_IS_PARAM_SPEC_DOUBLE (spec) ? G_PARAM_SPEC_DOUBLE (spec) : nullptr) {
    fail_unless (d->minimum < d->maximum, "%s: empty range", where.c_str ());
    fail_unless (
        d->minimum > -G_MAXDOUBLE && d->maximum < G_MAXDOUBLE, "%s: no real range", where.c_str ());
  }
  if (g_str_has_suffix (spec->name, "port") && G_IS_PARAM_SPEC_INT (spec))
    fail_unless (
        G_PARAM_SPEC_INT (spec)->maximum == 65535, "%s: not a port's range", where.c_str ());
  if (g_str_has_suffix (spec->name, "port") && G_IS_PARAM_SPEC_UINT (spec))
    fail_unless (
        G_PARAM_SPEC_UINT (spec)->maximum == 65535, "%s: not a port's range", where.c_str ());
}

void check_properties (GObjectClass *klass)
{
  guint n = 0;
  GParamSpec **specs = g_object_class_list_properties (klass, &n);
  for (guint i = 0; i < n; i++) {
    GParamSpec *spec = specs[i];
    if (!ours (spec->owner_type))
      continue;
    const std::string where = std::string (G_OBJECT_CLASS_NAME (klass)) + "::" + spec->name;
    fail_unless (reads_well (g_param_spec_get_nick (spec), 3), "%s: nick", where.c_str ());
    fail_unless (reads_well (g_param_spec_get_blurb (spec), 12), "%s: blurb", where.c_str ());
    const unsigned mutability = spec->flags & (GST_PARAM_MUTABLE_READY | GST_PARAM_MUTABLE_PAUSED |
                                                  GST_PARAM_MUTABLE_PLAYING);
    if ((spec->flags & G_PARAM_WRITABLE) && !(spec->flags & G_PARAM_CONSTRUCT_ONLY))
      fail_unless (mutability != 0 && (mutability & (mutability - 1)) == 0,
          "%s: needs one flag that says when it can change", where.c_str ());
    else
      fail_unless (mutability == 0, "%s: cannot be written, so it is not mutable", where.c_str ());
    check_range (where, spec);
  }
  g_free (specs);
}

// Every .cpp and .h below gst/ and ext/, for the documentation blocks.
const std::string &sources ()
{
  static const std::string all = [] {
    std::ostringstream text;
    for (const char *folder : {"/gst", "/ext"}) {
      const std::filesystem::path path = std::string (g_getenv ("REACH_SOURCE_DIR")) + folder;
      if (!std::filesystem::exists (path))
        continue;
      for (const auto &file : std::filesystem::recursive_directory_iterator (path))
        if (file.path ().extension () == ".cpp" || file.path ().extension () == ".h")
          text << std::ifstream (file.path ()).rdbuf ();
    }
    return text.str ();
  }();
  return all;
}

// The signals of `type` that this project defines.
std::set<std::string> signals_of (GType type, bool actions)
{
  std::set<std::string> names;
  for (GType t = type; t != 0; t = g_type_parent (t)) {
    if (!ours (t))
      continue;
    guint n = 0;
    guint *ids = g_signal_list_ids (t, &n);
    for (guint i = 0; i < n; i++) {
      GSignalQuery query;
      g_signal_query (ids[i], &query);
      if (((query.signal_flags & G_SIGNAL_ACTION) != 0) == actions)
        names.insert (query.signal_name);
    }
    g_free (ids);
  }
  return names;
}
} // namespace

GST_START_TEST (test_expected_elements)
{
  for (const Expected &e : expected) {
    GstElement *element = gst_element_factory_make (e.element, nullptr);
    fail_unless (element != nullptr, "no element %s", e.element);
    for (const char *name : e.templates)
      fail_unless (gst_element_get_pad_template (element, name) != nullptr,
          "%s: no pad template %s", e.element, name);
    const std::vector<const char *> none;
    for (const auto *list : {has_link (e) ? &common_properties : &none, &e.properties})
      for (const char *name : *list)
        fail_unless (g_object_class_find_property (G_OBJECT_GET_CLASS (element), name) != nullptr,
            "%s: no property %s", e.element, name);
    for (const char *name : e.signals)
      fail_unless (signals_of (G_OBJECT_TYPE (element), false).contains (name), "%s: no signal %s",
          e.element, name);
    for (const char *name : e.actions)
      fail_unless (signals_of (G_OBJECT_TYPE (element), true).contains (name), "%s: no action %s",
          e.element, name);
    gst_object_unref (element);
  }
}
GST_END_TEST

GST_START_TEST (test_every_plugin_has_elements)
{
  for (const char *name : plugins) {
    GstPlugin *plugin = gst_registry_find_plugin (gst_registry_get (), name);
    fail_unless (plugin != nullptr, "plugin %s was left out of the build", name);
    fail_unless (reads_well (gst_plugin_get_description (plugin), 12), "%s: description", name);
    gst_object_unref (plugin);
  }
  for (GstElementFactory *factory : our_factories ()) {
    const std::string name = GST_OBJECT_NAME (factory);
    bool listed = false;
    for (const Expected &e : expected)
      listed = listed || name == e.element;
    fail_unless (listed, "element %s is not listed in this test", name.c_str ());
    gst_object_unref (factory);
  }
}
GST_END_TEST

GST_START_TEST (test_metadata)
{
  each_element ([] (GstElementFactory *factory, GstElement *) {
    const char *name = GST_OBJECT_NAME (factory);
    auto get = [factory] (
                   const char *key) { return gst_element_factory_get_metadata (factory, key); };
    fail_unless (reads_well (get (GST_ELEMENT_METADATA_LONGNAME), 5), "%s: long name", name);
    fail_unless (reads_well (get (GST_ELEMENT_METADATA_DESCRIPTION), 20), "%s: description", name);
    fail_unless (reads_well (get (GST_ELEMENT_METADATA_AUTHOR), 5), "%s: author", name);
    static const std::set<std::string> words{"Source", "Sink", "Network", "Video", "Audio",
        "Protocol", "Bin", "Generic", "Filter", "Codec", "Encoder", "Decoder"};
    const char *klass = get (GST_ELEMENT_METADATA_KLASS);
    fail_unless (klass && *klass, "%s: class", name);
    gchar **parts = g_strsplit (klass, "/", -1);
    for (gchar **part = parts; *part; part++)
      fail_unless (words.contains (*part), "%s: class %s", name, *part);
    g_strfreev (parts);
    const std::string block = std::string ("SECTION:element-") + name + "\n";
    fail_unless (sources ().find (block) != std::string::npos, "%s: no SECTION block", name);
  });
}
GST_END_TEST

GST_START_TEST (test_pad_templates)
{
  each_element ([] (GstElementFactory *factory, GstElement *element) {
    const char *name = GST_OBJECT_NAME (factory);
    const GList *templates =
        gst_element_class_get_pad_template_list (GST_ELEMENT_GET_CLASS (element));
    for (const GList *i = templates; i; i = i->next) {
      auto *t = GST_PAD_TEMPLATE (i->data);
      GstCaps *caps = gst_pad_template_get_caps (t);
      fail_if (gst_caps_is_empty (caps), "%s: %s has no caps", name, t->name_template);
      gst_caps_unref (caps);
      const bool counted = std::string (t->name_template).ends_with ("_%u");
      fail_unless (counted == (GST_PAD_TEMPLATE_PRESENCE (t) != GST_PAD_ALWAYS), "%s: %s", name,
          t->name_template);
      if (GST_PAD_TEMPLATE_GTYPE (t) == G_TYPE_NONE)
        continue;
      auto *klass = static_cast<GObjectClass *> (g_type_class_ref (GST_PAD_TEMPLATE_GTYPE (t)));
      check_properties (klass);
      g_type_class_unref (klass);
    }
  });
}
GST_END_TEST

GST_START_TEST (test_properties)
{
  each_element ([] (GstElementFactory *, GstElement *element) {
    check_properties (G_OBJECT_GET_CLASS (element));
  });
}
GST_END_TEST

// Each readable property can be read and, where it can be written, its default written back, on an
// element that was never started; criticals end the test.
GST_START_TEST (test_properties_work_in_null)
{
  each_element ([] (GstElementFactory *, GstElement *element) {
    guint n = 0;
    GParamSpec **specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &n);
    for (guint i = 0; i < n; i++) {
      if (!ours (specs[i]->owner_type) || !(specs[i]->flags & G_PARAM_READABLE))
        continue;
      GValue value = G_VALUE_INIT;
      g_value_init (&value, specs[i]->value_type);
      g_object_get_property (G_OBJECT (element), specs[i]->name, &value);
      fail_if (g_param_value_validate (specs[i], &value), "%s: its value is out of range",
          specs[i]->name);
      if ((specs[i]->flags & G_PARAM_WRITABLE) && !(specs[i]->flags & G_PARAM_CONSTRUCT_ONLY))
        g_object_set_property (G_OBJECT (element), specs[i]->name, &value);
      g_value_unset (&value);
    }
    g_free (specs);
  });
}
GST_END_TEST

// GObject has no blurb for a signal: its documentation is the block `Type::name:` in the source.
GST_START_TEST (test_signals_are_documented)
{
  each_element ([] (GstElementFactory *factory, GstElement *element) {
    for (const bool actions : {false, true})
      for (const std::string &name : signals_of (G_OBJECT_TYPE (element), actions))
        fail_unless (sources ().find ("::" + name + ":\n") != std::string::npos,
            "%s::%s has no documentation block", GST_OBJECT_NAME (factory), name.c_str ());
  });
}
GST_END_TEST

static Suite *registry_suite ()
{
  reach::test::register_plugins ();
  Suite *s = suite_create ("registry");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_expected_elements);
  tcase_add_test (tc, test_every_plugin_has_elements);
  tcase_add_test (tc, test_metadata);
  tcase_add_test (tc, test_pad_templates);
  tcase_add_test (tc, test_properties);
  tcase_add_test (tc, test_properties_work_in_null);
  tcase_add_test (tc, test_signals_are_documented);
  return s;
}

GST_CHECK_MAIN (registry)

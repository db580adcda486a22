// SPDX-License-Identifier: LGPL-2.1-or-later
// The plugin files are loaded the way an application gets them: scanned from a folder, into a
// registry. All other tests register the plugin that is linked into them.
#include "check.h"
#include <string>

GST_START_TEST (test_elements_come_from_the_plugin_file)
{
  for (const char *name : {"camsender", "camreceiver", "camdeltaenc", "camdeltadec",
           "cammediaserver", "rtmpserversrc", "turnserver"}) {
    GstElementFactory *factory = gst_element_factory_find (name);
    fail_unless (factory != nullptr, "no element %s", name);
    GstPlugin *plugin = gst_plugin_feature_get_plugin (GST_PLUGIN_FEATURE (factory));
    const char *file = gst_plugin_get_filename (plugin);
    fail_unless (file && g_str_has_prefix (file, g_getenv ("REACH_BUILD_DIR")), "%s comes from %s",
        name, file ? file : "no file");
    fail_unless_equals_string (gst_plugin_get_license (plugin), "LGPL");
    fail_unless_equals_string (gst_plugin_get_source (plugin), "gst-plugins-reach");
    GstElement *element = gst_element_factory_create (factory, nullptr);
    fail_unless (element != nullptr);
    gst_object_unref (element);
    gst_object_unref (plugin);
    gst_object_unref (factory);
  }
}
GST_END_TEST

GST_START_TEST (test_nothing_is_blacklisted)
{
  GList *plugins = gst_registry_get_plugin_list (gst_registry_get ());
  for (GList *i = plugins; i; i = i->next) {
    auto *plugin = GST_PLUGIN (i->data);
    const char *file = gst_plugin_get_filename (plugin);
    if (file && g_str_has_prefix (file, g_getenv ("REACH_BUILD_DIR")))
      fail_if (GST_OBJECT_FLAG_IS_SET (plugin, GST_PLUGIN_FLAG_BLACKLISTED), "%s", file);
  }
  gst_plugin_list_free (plugins);
}
GST_END_TEST

static Suite *loading_suite ()
{
  Suite *s = suite_create ("loading");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_elements_come_from_the_plugin_file);
  tcase_add_test (tc, test_nothing_is_blacklisted);
  return s;
}

int main (int argc, char **argv)
{
  // gst-plugin-scanner is not sanitized and cannot load a plugin that is.
  if (g_strcmp0 (g_getenv ("REACH_SANITIZED"), "1") == 0)
    return 77;
  g_setenv ("GST_PLUGIN_PATH_1_0", g_getenv ("REACH_PLUGIN_PATH"), TRUE);
  gst_check_init (&argc, &argv);
  return gst_check_run_suite (loading_suite (), "loading", __FILE__);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// What ThreadSanitizer has to know of GLib and GStreamer, which are not instrumented: GMutex and
// GCond are futexes of their own, the last one to unref a mini object frees it, and a call is
// handed to a thread of a pool. Linked into a program, these stand in front of the libraries'
// functions of the same names.
#include <dlfcn.h>
#include <gst/gst.h>

extern "C" {
void __tsan_acquire (void *);
void __tsan_release (void *);
}

namespace {
template <typename F> F *next (F *, const char *name)
{
  return reinterpret_cast<F *> (dlsym (RTLD_NEXT, name));
}

struct Call {
  GstElementCallAsyncFunc function;
  gpointer data;
  GDestroyNotify destroy;
};

void run (GstElement *element, gpointer data)
{
  __tsan_acquire (data);
  const auto *call = static_cast<Call *> (data);
  call->function (element, call->data);
}

void end (gpointer data)
{
  const auto *call = static_cast<Call *> (data);
  if (call->destroy)
    call->destroy (call->data);
  delete call;
}
} // namespace
#define REACH_NEXT(f) static const auto real = next (&f, #f)

extern "C" {
void g_mutex_lock (GMutex *m)
{
  REACH_NEXT (g_mutex_lock);
  real (m);
  __tsan_acquire (m);
}

gboolean g_mutex_trylock (GMutex *m)
{
  REACH_NEXT (g_mutex_trylock);
  if (!real (m))
    return FALSE;
  __tsan_acquire (m);
  return TRUE;
}

void g_mutex_unlock (GMutex *m)
{
  REACH_NEXT (g_mutex_unlock);
  __tsan_release (m);
  real (m);
}

void g_cond_wait (GCond *c, GMutex *m)
{
  REACH_NEXT (g_cond_wait);
  __tsan_release (m);
  real (c, m);
  __tsan_acquire (m);
}

gboolean g_cond_wait_until (GCond *c, GMutex *m, gint64 end)
{
  REACH_NEXT (g_cond_wait_until);
  __tsan_release (m);
  const gboolean signalled = real (c, m, end);
  __tsan_acquire (m);
  return signalled;
}

void gst_mini_object_unref (GstMiniObject *o)
{
  REACH_NEXT (gst_mini_object_unref);
  __tsan_release (o);
  __tsan_acquire (o);
  real (o);
}

void gst_element_call_async (
    GstElement *element, GstElementCallAsyncFunc function, gpointer data, GDestroyNotify destroy)
{
  REACH_NEXT (gst_element_call_async);
  auto *call = new Call{function, data, destroy};
  __tsan_release (call);
  real (element, run, call, end);
}
}

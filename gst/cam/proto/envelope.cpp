// SPDX-License-Identifier: LGPL-2.1-or-later
#include "envelope.h"
#include "hello.h"
#include "text.h"

namespace reach::cam {

bool fits (const Envelope &a)
{
  for (const std::string *s : {&a.to, &a.group, &a.from})
    if (s->size () > max_guid || !is_text (*s))
      return false;
  return true;
}

void write (const Envelope &a, ByteWriter &w, bool followed)
{
  if (!followed && a == Envelope{})
    return;
  w.u16 (a.index);
  for (const std::string *s : {&a.to, &a.group, &a.from})
    w.str16 (*s);
}

bool read (ByteReader &r, Envelope &a)
{
  if (r.left () == 0)
    return true;
  a.index = r.u16 ();
  for (std::string *s : {&a.to, &a.group, &a.from}) {
    *s = r.str16 (max_guid);
    if (!is_text (*s))
      return false;
  }
  return !r.failed ();
}
} // namespace reach::cam

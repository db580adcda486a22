// SPDX-License-Identifier: LGPL-2.1-or-later
// Preloaded into a program whose library writes behind what it asks for: librtmp 2.4 of Debian when
// it logs in. What it sends is what is tested, not its memory.
#include <cstddef>

extern "C" {
void *__libc_malloc (std::size_t size);

__attribute__ ((visibility ("default"))) void *malloc (std::size_t size)
{
  return __libc_malloc (size + 1024);
}
}

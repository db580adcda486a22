// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once
#include <gst/gst.h>

G_BEGIN_DECLS
GST_ELEMENT_REGISTER_DECLARE (turnrelaysink)
GST_ELEMENT_REGISTER_DECLARE (turnrelaysrc)
GST_ELEMENT_REGISTER_DECLARE (turnserver)
G_END_DECLS

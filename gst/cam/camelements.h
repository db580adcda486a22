// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once
#include <gst/gst.h>

G_BEGIN_DECLS
GST_ELEMENT_REGISTER_DECLARE (camsender)
GST_ELEMENT_REGISTER_DECLARE (camreceiver)
GST_ELEMENT_REGISTER_DECLARE (camdeltaenc)
GST_ELEMENT_REGISTER_DECLARE (camdeltadec)
GST_ELEMENT_REGISTER_DECLARE (cammediaserver)
G_END_DECLS

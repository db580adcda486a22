// SPDX-License-Identifier: LGPL-2.1-or-later
// AMF3 values, as they stand behind the AMF3 marker in AMF0. Each has tables of its own.
#pragma once
#include "amf.h"
#include "amf_budget.h"
#include "common/proto/bytes.h"
#include <utility>

namespace reach::rtmp {
// One value from the front of `in`. False: budget.fault () says why. Externalizable objects have a
// format of their own and are malformed here, but for Flex's wrappers of one value, which that
// value stands for.
bool decode_amf3 (ByteReader &in, Value &to, AmfBudget &budget, std::size_t depth = 0);

// An integer of more than 29 bits goes as a number. No references are written.
void encode_amf3 (ByteWriter &to, const Value &value);
} // namespace reach::rtmp

// SPDX-License-Identifier: LGPL-2.1-or-later
// GstStructure ↔ command.
#pragma once
#include "cam/proto/command.h"
#include "common/ref.h"

namespace reach::cam {
// The name of the command that send-data makes, and of its one field.
constexpr const char *data_message = "cam-data", *data_field = "data";

// Empty, and `error` says why: a field's type does not travel, or it is too large.
std::optional<Command> command_of (
    const GstStructure *s, const Envelope &envelope, std::string &error);
// As it was sent, but for fields whose names this process does not admit (names.h).
StructurePtr structure_of (const Command &c);
// Every parameter, as values: a GstValueArray of "parameter" structures with name and value.
void set_parameters (GstStructure *s, const char *field, const Command &c);
} // namespace reach::cam

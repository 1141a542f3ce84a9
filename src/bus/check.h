/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What a decoded message must look like whoever sent it: bounded strings without control
 * characters, byte fields of the right length, bounded counts. It walks protobuf-c's own
 * description of the messages, so that a new field is checked without being mentioned here. Pure;
 * any thread.
 */
#include "base/err.h"
#include "base/span.h"

typedef struct ProtobufCMessage ProtobufCMessage;

/* 0, or E_PARSE, E_LIMIT with words naming the field. */
int message_check(const ProtobufCMessage *message, struct fault *why);

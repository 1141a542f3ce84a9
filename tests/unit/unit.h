/* SPDX-License-Identifier: ISC */
#pragma once
/* What every unit test needs: cmocka with its headers, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

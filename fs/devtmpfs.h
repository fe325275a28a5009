// SPDX-License-Identifier: MIT
#pragma once

/* Registers devtmpfs and makes the nodes of all devices registered so far. */
void devtmpfs_init(void);

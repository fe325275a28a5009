// SPDX-License-Identifier: MIT
/* /dev/null and its kin. */
#pragma once

void memdev_init(void);

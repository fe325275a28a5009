// SPDX-License-Identifier: MIT
/* ioctl(2) commands that files in general understand. Terminals' are in fs/tty.h. */
#pragma once

enum : unsigned {
	FIONREAD = 0x541b,
	FIONBIO = 0x5421,
	FIOASYNC = 0x5452,
	FIOCLEX = 0x5451,
	FIONCLEX = 0x5450,
	FIOQSIZE = 0x5460,
};

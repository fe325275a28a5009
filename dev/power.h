// SPDX-License-Identifier: MIT
/* How a machine ends whose firmware has no call for it. */
#pragma once

struct power_ops {
	void (*off)(void);
	void (*restart)(void);
};

/* The first that registers is asked; ops stay the caller's. */
void power_register(const struct power_ops *ops);
/* These return where nobody can, and after a while in any case. From anywhere, panics included. */
void power_off(void);
void power_restart(void);

// SPDX-License-Identifier: MIT
/* What the Raspberry Pi's firmware answers: "properties", messages of tagged values through the mailbox. */
#pragma once

#include "lib/base.h"
#include "lib/errno.h"

/* Tags: who is asked, what for; the numbers are the firmware's interface. */
enum firmware_tag : u32 {
	FW_REVISION = 0x00001, FW_BOARD_REVISION = 0x10002, FW_BOARD_SERIAL = 0x10004, FW_ARM_MEMORY = 0x10005,
	FW_VC_MEMORY = 0x10006, FW_CLOCK_RATE = 0x30002, FW_TEMPERATURE = 0x30006, FW_GET_GPIO_STATE = 0x30041,
	FW_SET_GPIO_STATE = 0x38041, FW_FB_ALLOCATE = 0x40001, FW_FB_GET_SIZE = 0x40003, FW_FB_PITCH = 0x40008,
	FW_FB_SET_SIZE = 0x48003, FW_FB_SET_VIRTUAL_SIZE = 0x48004, FW_FB_SET_DEPTH = 0x48005,
	FW_FB_SET_PIXEL_ORDER = 0x48006, FW_FB_SET_OFFSET = 0x48009, FW_FB_SET_ALPHA = 0x48007,
};

enum firmware_clock : u32 { FW_CLOCK_EMMC = 1, FW_CLOCK_UART = 2, FW_CLOCK_ARM = 3, FW_CLOCK_CORE = 4, FW_CLOCK_EMMC2 = 12 };

struct firmware_property {
	u32 tag;
	u32 words;		/* 1 .. FIRMWARE_WORDS: the larger of what is asked and answered */
	u32 value[4];		/* in and out */
};
constexpr unsigned FIRMWARE_WORDS = 4, FIRMWARE_PROPERTIES = 12;

/* All in one message, in order. Polls; from anywhere after the mailbox was found, does not sleep. 0; -ENODEV: no mailbox;
 * -EBUSY: does not answer; -EIO: refused, or a property that the firmware does not know (then its value is unchanged). */
[[nodiscard]] int firmware_properties(struct firmware_property *p, unsigned n);
/* One property; the words are in and out. */
[[nodiscard]] int firmware_property(u32 tag, u32 *value, unsigned words);
/* A clock in Hz; 0 if unknown. */
u32 firmware_clock(enum firmware_clock clock);
/* What the firmware calls an address of memory (VideoCore's alias past its caches), as the CPU sees it. */
struct pa firmware_address(u32 bus);

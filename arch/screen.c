/* SPDX-License-Identifier: MIT */
/* The text screen has no cursor of its own: what is new comes in at the bottom. */
#include "arch/screen.h"

#define COLOURS 0x0700 /* light grey on black */

static struct {
	volatile u16 *cells;
	u32 columns, rows;
} screen;

void screen_init(u16 *cells, u32 columns, u32 rows)
{
	screen.cells = cells;
	screen.columns = columns;
	screen.rows = rows;
}

static void move_up(void)
{
	u32 last = (screen.rows - 1) * screen.columns;

	for (u32 i = 0; i < last; i++)
		screen.cells[i] = screen.cells[i + screen.columns];
	for (u32 i = last; i < last + screen.columns; i++)
		screen.cells[i] = COLOURS | ' ';
}

void screen_line(const char *text, u32 len)
{
	u32 column = screen.columns;

	if (!screen.cells || !screen.rows)
		return;
	for (u32 i = 0; i < len; i++) {
		if (column == screen.columns) {
			move_up();
			column = 0;
		}
		screen.cells[(screen.rows - 1) * screen.columns + column++] =
			(u16)(COLOURS | (u8)text[i]);
	}
}

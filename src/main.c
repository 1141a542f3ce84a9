/* SPDX-License-Identifier: ISC */
#include <stdio.h>

int main(void)
{
	puts("stockade");
	return 0;
}

/* SPDX-License-Identifier: ISC */
#include "sets/image.h"

#include "base/mem.h"

void image_done(struct image *image)
{
	mem_free(image->bytes);
	*image = (struct image){0};
}

void *image_room(struct image *image, uint64_t count, size_t size, uint64_t *ret_offset)
{
	size_t start = (image->len + SECTION_ALIGN - 1) / SECTION_ALIGN * SECTION_ALIGN;

	*ret_offset = start;
	if (image->bad || count > (SIZE_MAX / 2 - start) / size ||
		mem_grow_try(&image->bytes, &image->size, start + count * size, 1) < 0) {
		image->bad = true;
		return NULL;
	}
	if (start + count * size > image->len)
		memset(image->bytes + image->len, 0, start + count * size - image->len);
	image->len = start + count * size;
	return image->bytes + start;
}

uint64_t image_add(struct image *image, const void *items, uint64_t count, size_t size)
{
	uint64_t offset;
	void *room = image_room(image, count, size, &offset);

	if (room != NULL && count != 0)
		memcpy(room, items, count * size);
	return offset;
}

const void *sections_get(struct sections *sections, uint64_t offset, uint64_t count, size_t size)
{
	if (offset % SECTION_ALIGN != 0 || offset > sections->file.len ||
		count > (sections->file.len - offset) / size) {
		sections->bad = true;
		return NULL;
	}
	return sections->file.ptr + offset;
}

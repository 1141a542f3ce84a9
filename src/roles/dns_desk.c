/* SPDX-License-Identifier: ISC */
#include "roles/dns_desk.h"

void dns_desk_init(struct dns_desk *desk, struct shelf *tables, struct shelf *views)
{
	*desk = (struct dns_desk){.tables = tables, .views = views};
}

void dns_desk_done(struct dns_desk *desk)
{
	zone_service_free(&desk->service);
	if (desk->table != NULL)
		shelf_release(desk->tables, &desk->table);
	if (desk->view != NULL)
		shelf_release(desk->views, &desk->view);
}

const struct zone_service *dns_desk_service(struct dns_desk *desk)
{
	int newer = shelf_refresh(desk->tables, &desk->table);

	newer |= shelf_refresh(desk->views, &desk->view);
	if (newer != 0 || desk->service == NULL) {
		zone_service_free(&desk->service);
		desk->service =
			zone_service_new(shelf_object(desk->table), shelf_object(desk->view));
	}
	return desk->service;
}

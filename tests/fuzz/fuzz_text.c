/* The sanitiser: what it writes is printable and within its bound, JSON strings
 * can be parsed and are printable too, and no "?query" survives text_cut_url(). */
#include <cjson/cJSON.h>

#include "check_event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf out = BUF_INIT(1 << 24);
	size_t max, start;
	const char *s;
	cJSON *json;

	if (size < 2)
		return 0;
	max = data[0];
	s = (const char *)data + 2;
	size -= 2;

	if (text_safe(&out, s, size, max, data[1] & 1) < 0 || (max && out.len > max))
		abort();
	check_safe(buf_str(&out), out.len);
	for (size_t i = 0; data[1] & 1 && i < out.len; i++)
		if ((unsigned char)out.data[i] > 0x7e)
			abort();
	buf_reset(&out);

	if (text_add_json(&out, s, size) < 0)
		abort();
	check_safe(buf_str(&out), out.len);
	json = cJSON_ParseWithLength(out.data, out.len);
	if (!cJSON_IsString(json))
		abort();
	cJSON_Delete(json);
	buf_reset(&out);

	start = out.len;
	if (text_cut_url(&out, s, size) < 0)
		abort();
	for (size_t i = start; i < out.len; i++)
		if (out.data[i] == '?' &&
		    (out.len - i != 4 || memcmp(out.data + i, "?...", 4) != 0))
			abort();
	buf_reset(&out);
	if (text_cut_query(&out, s, size) < 0 || text_mask(&out, s, size) < 0)
		abort();
	buf_done(&out);
	return 0;
}

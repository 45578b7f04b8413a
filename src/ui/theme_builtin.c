/* The built-in themes are the files of themes/, byte for byte. The assembler
 * reads them, from the tree's top, where make runs. */
#include "ui/theme_int.h"

/* NOLINTBEGIN(bugprone-macro-parentheses): a symbol is no expression */
#define INCLUDE(symbol, file)                                                          \
	__asm__(".pushsection .rodata\n" #symbol ":\n\t.incbin \"" file "\"\n" #symbol \
	        "_end:\n\t.byte 0\n"                                                   \
	        ".popsection\n");                                                      \
	extern const char symbol[] __attribute__((visibility("hidden")));              \
	extern const char symbol##_end[] __attribute__((visibility("hidden")))
/* NOLINTEND(bugprone-macro-parentheses) */

INCLUDE(theme_json_dark, "themes/dark.json");
INCLUDE(theme_json_light, "themes/light.json");
INCLUDE(theme_json_high_contrast, "themes/high-contrast.json");
INCLUDE(theme_json_colour_blind, "themes/colour-blind.json");
INCLUDE(theme_json_mono, "themes/mono.json");

const struct theme_builtin theme_builtin[] = {
	{ "dark", theme_json_dark, theme_json_dark_end },
	{ "light", theme_json_light, theme_json_light_end },
	{ "high-contrast", theme_json_high_contrast, theme_json_high_contrast_end },
	{ "colour-blind", theme_json_colour_blind, theme_json_colour_blind_end },
	{ "mono", theme_json_mono, theme_json_mono_end },
	{ 0 },
};

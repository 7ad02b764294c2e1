//! Tables that fit the terminal.

use comfy_table::{ContentArrangement, Table, presets};

/// A table without lines: a heading and rows, wrapped to the width; where no
/// person reads a row stays a line. Trailing spaces are cut, so that what is
/// copied is what is meant.
pub(super) fn table(width: Option<u16>, heading: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(heading.to_vec());
    if let Some(width) = width {
        table
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width);
    }
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines = table.to_string();
    let lines: Vec<_> = lines.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

//! A menu as a file of comma-separated values.

use std::str::FromStr;

use thali_domain::Unacceptable;
use thali_domain::orders::menu::{ItemName, PriceTokens, Sku};
use thali_domain::orders::stock::ItemPut;
use thali_files::csv_file::{Column, Kind, Layout, Reading, Refused, Sheet};

const LAYOUT: Layout = Layout {
    columns: &[
        Column { name: "sku", kind: Kind::Id, also: &["itemsku", "itemcode"] },
        Column { name: "name", kind: Kind::Text, also: &["item", "itemname"] },
        Column {
            name: "price_tokens",
            kind: Kind::Whole,
            also: &["tokens", "pricetoken", "priceintokens", "tokenprice"],
        },
        Column { name: "stock", kind: Kind::Whole, also: &["stockcount"] },
        Column { name: "available", kind: Kind::Text, also: &["isavailable"] },
        Column { name: "stock_shards", kind: Kind::Whole, also: &["shards"] },
    ],
    required: 3,
    unique: &[("sku", |text| Sku::parse(text).ok().map(String::from))],
};

/// What one line says of an item. What it leaves out stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// The item.
    pub sku: Sku,
    /// What it is to be.
    pub put: ItemPut,
}

/// Reads a menu. Where anything is wrong, answers all of it and no row.
pub fn read(bytes: &[u8]) -> Result<Sheet<Row>, Refused> {
    LAYOUT.read(bytes, row)
}

fn row(reading: &mut Reading<'_>) -> Option<Row> {
    let sku: Option<Sku> = reading.needed("sku");
    let name: Option<ItemName> = reading.needed("name");
    let price: Option<PriceTokens> = reading.needed("price_tokens");
    let stock = reading.value("stock");
    let available = reading.value("available").map(|YesOrNo(available)| available);
    let stock_shards = reading.value("stock_shards");
    let put = ItemPut { name: name?, price: price?, available, stock, stock_shards };
    Some(Row { line: reading.line, sku: sku?, put })
}

/// `true` or `false`, or `yes` or `no`, in capitals too, as spreadsheets write them.
struct YesOrNo(bool);

impl FromStr for YesOrNo {
    type Err = Unacceptable;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" => Ok(Self(true)),
            "false" | "no" => Ok(Self(false)),
            _ => Err(Unacceptable("must be true or false".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "sku,name,price_tokens,stock,available,stock_shards\n";

    /// The faults of a file, as they are told.
    #[track_caller]
    fn faults(file: &str) -> Vec<String> {
        let refused = read(file.as_bytes()).expect_err("something is wrong");
        refused.faults.iter().map(ToString::to_string).collect()
    }

    #[track_caller]
    fn rows(file: &str) -> Vec<Row> {
        read(file.as_bytes()).unwrap_or_else(|refused| panic!("{refused:?}")).rows
    }

    /// The line, the SKU and the name of each row, and the rest as text.
    #[track_caller]
    fn told(file: &str) -> Vec<(u64, String, String, String)> {
        let tell = |Row { line, sku, put }: Row| {
            let ItemPut { name, price, available, stock, stock_shards } = put;
            let shown = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
            let rest = [
                price.to_string(),
                shown(stock.map(|stock| stock.to_string())),
                shown(available.map(|available| available.to_string())),
                shown(stock_shards.map(|shards| shards.to_string())),
            ];
            (line, sku.to_string(), name.to_string(), rest.join(" "))
        };
        rows(file).into_iter().map(tell).collect()
    }

    fn expected(line: u64, sku: &str, name: &str, rest: &str) -> (u64, String, String, String) {
        (line, sku.to_owned(), name.to_owned(), rest.to_owned())
    }

    #[test]
    fn a_row_is_read_as_an_item() {
        let file = format!("{HEADER}dal,Dal Fry,2,60,true,4\nrice,Rice,1,,,\n");
        let rice = expected(3, "rice", "Rice", "1 - - -");
        assert_eq!(told(&file), [expected(2, "dal", "Dal Fry", "2 60 true 4"), rice.clone()]);
        let short = "sku,name,price_tokens\n\ndal,Dal,2\n";
        assert_eq!(told(short), [expected(3, "dal", "Dal", "2 - - -")]);
        assert_eq!(told(HEADER), []);
    }

    #[test]
    fn lines_are_counted_whatever_they_end_with() {
        for end in ["\n", "\r\n", "\r"] {
            let file = ["sku,name,price_tokens", "dal,Dal,2", "dal,Dal,much", ""].join(end);
            let faults = faults(&file);
            assert_eq!(faults.len(), 2, "{end:?}: {faults:?}");
            assert!(faults.iter().all(|fault| fault.contains("line 3")), "{end:?}: {faults:?}");
        }
    }

    #[test]
    fn columns_come_in_any_order_and_spaces_do_not_matter() {
        let file = "available , price_tokens,name, sku\nFALSE,3 , Masala  Tea ,tea\n";
        assert_eq!(told(file), [expected(2, "tea", "Masala Tea", "3 - false -")]);
    }

    #[test]
    fn a_file_of_a_spreadsheet_is_read() {
        let file =
            format!("\u{feff}{HEADER}dal,दाल फ्राई,2,60,TRUE,\n,,,,,\n\ntea,\"Tea, hot\",1,,,\n");
        let expected = [
            expected(2, "dal", "दाल फ्राई", "2 60 true -"),
            expected(5, "tea", "Tea, hot", "1 - - -"),
        ];
        assert_eq!(told(&file), expected);
        assert_eq!(told(&file.replace('\n', "\r\n")), expected);
        assert_eq!(told(file.trim_end()), expected, "without an end of the last line");
    }

    #[test]
    fn a_row_has_the_line_on_which_it_begins() {
        let file = "\n\"sku\",\"name\",price_tokens\n\n\n\"a\",\"A \"\"big\"\" one\",1\n\
                    b,\"B\n\n\nB\",1\nc,C,0\n";
        assert_eq!(
            faults(file),
            [
                "line 6, name: must be 1 to 80 characters on one line",
                "line 10, price_tokens: must be a whole number from 1 to 99",
            ]
        );
        let file = file.replace("B\n\n\nB", "B").replace("C,0", "C,9");
        let lines: Vec<_> = rows(&file).iter().map(|row| row.line).collect();
        assert_eq!(lines, [5, 6, 7]);
        assert_eq!(rows(&file)[0].put.name.as_str(), "A \"big\" one");
    }

    #[test]
    fn all_errors_are_listed_at_once() {
        let file = format!(
            "{HEADER}-dal,,0,-1,maybe,17\nrice,Rice,1\ndal,Dal,2,60,true,1\n\
             {long},Tea,1.5,1000001,1,0\ntea,Tea,two,many,,\nrice,Rice,1,,,\ndal,Dal,2,,,\n\
             dal,Dal,2,,,,\n",
            long = "x".repeat(41),
        );
        let sku = "sku: must be 1 to 40 letters, digits, dots, hyphens or underscores";
        let price = "price_tokens: must be a whole number from 1 to 99";
        let stock = "stock: must be a whole number from 0 to 1000000";
        let available = "available: must be true or false";
        let shards = "stock_shards: must be a whole number from 1 to 16";
        let fields = |count| format!("it has {count} fields, and the first line names 6 columns");
        let expected = [
            format!("line 2, {sku}"),
            "line 2, name: is missing".to_owned(),
            format!("line 2, {price}"),
            format!("line 2, {stock}"),
            format!("line 2, {available}"),
            format!("line 2, {shards}"),
            format!("line 3: {}", fields(3)),
            format!("line 5, {sku}"),
            format!("line 5, {price}"),
            format!("line 5, {stock}"),
            format!("line 5, {available}"),
            format!("line 5, {shards}"),
            format!("line 6, {price}"),
            format!("line 6, {stock}"),
            "line 7, sku: rice is on line 3 already".to_owned(),
            "line 8, sku: dal is on line 4 already".to_owned(),
            "line 9, sku: dal is on line 4 already".to_owned(),
        ];
        assert_eq!(faults(&file), expected);
    }

    #[test]
    fn a_header_is_needed_and_says_what_is_wrong_with_it() {
        let wanted = LAYOUT.header_wanted();
        assert!(
            wanted
                .ends_with("sku,name,price_tokens and, if you like, stock,available,stock_shards")
        );
        for empty in ["", "\n\n", "\u{feff}", ",,\n"] {
            assert_eq!(
                faults(empty),
                [format!("line 1: the file is empty; {wanted}")],
                "{empty:?}"
            );
        }
        for (header, said) in [
            ("sku,name", vec!["the column price_tokens is missing"]),
            (
                "dal,Dal,2",
                vec![
                    "“dal” is no column",
                    "“Dal” is no column",
                    "“2” is no column",
                    "the column sku is missing",
                    "the column name is missing",
                    "the column price_tokens is missing",
                ],
            ),
            (
                "sku,name,price_tokens,stock,price,stock",
                vec!["“price” is no column", "the column stock is there twice"],
            ),
            (
                "SKU,Item,name,price,",
                vec![
                    "“Item” and “name” both mean the column name",
                    "“price” is no column",
                    "column 5 has no heading, and something is in it on line 3",
                    "the column price_tokens is missing",
                ],
            ),
        ] {
            let said = said.into_iter().chain([wanted.as_str()]);
            let expected: Vec<_> = said.map(|said| format!("line 2: {said}")).collect();
            assert_eq!(faults(&format!("\n{header}\n-,-,-,-,-,-\n")), expected);
        }
    }

    #[test]
    fn a_quotation_mark_that_is_not_closed_does_not_swallow_the_file() {
        let expected = "a quotation mark is not closed; within a text it is written twice";
        for (file, line) in [
            ("sku,name,price_tokens\ndal,\"Dal,2\nrice,Rice,1\n", 2),
            ("sku,name,price_tokens\ndal,Dal,2\nrice,Rice,\"1", 3),
            ("sku,name,price_tokens\ntea,5\" Tea,1\nrice,Rice,1\n", 2),
            ("\"sku,name,price_tokens\ndal,Dal,2\n", 1),
        ] {
            assert_eq!(faults(file), [format!("line {line}: {expected}")], "{file}");
        }
    }

    #[test]
    fn what_is_not_utf_8_is_told_by_its_line() {
        let mut file = b"sku,name,price_tokens\ndal,Dal,2\ncafe,Caf".to_vec();
        file.extend(b"\xe9,1\n");
        let refused = read(&file).expect_err("Latin-1");
        let told: Vec<_> = refused.faults.iter().map(ToString::to_string).collect();
        assert_eq!(told, ["line 3: this is not UTF-8: save the file as “CSV UTF-8”"]);
    }

    #[test]
    fn a_menu_is_read_as_spreadsheets_of_other_countries_write_it() {
        let file = "\u{feff}sep=;\nSKU;Item name;Tokens;Stock;Available;\n\
                    dal;Dal, Fry;2,00;60,0;WAHR;\n";
        assert_eq!(faults(file), ["line 3, available: must be true or false"]);
        let file = file.replace("WAHR", "Yes");
        assert_eq!(told(&file), [expected(3, "dal", "Dal, Fry", "2 60 true -")]);
    }

    #[test]
    fn a_number_that_could_be_thousands_or_a_fraction_is_refused() {
        let file = "sku;name;price_tokens;stock\ndal;Dal;1,5;1,000\n";
        let expected = [
            "line 2, price_tokens: must be a whole number from 1 to 99",
            "line 2, stock: must be a whole number from 0 to 1000000",
        ];
        assert_eq!(faults(file), expected);
    }
}

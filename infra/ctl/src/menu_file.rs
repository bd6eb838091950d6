//! A menu as a file of comma-separated values: read as a whole, and refused with
//! everything that is wrong with it, each by its line and column.

use std::collections::HashMap;
use std::fmt::{self, Display};
use std::str::FromStr;

use csv::{ByteRecord, ReaderBuilder, Trim};
use thali_domain::Unacceptable;
use thali_domain::menu::{ItemName, PriceTokens, Sku};
use thali_domain::stock::ItemPut;

/// The largest file that is read: far more than any menu.
pub const FILE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The columns, those that a file must have first.
const COLUMNS: [&str; 6] = ["sku", "name", "price_tokens", "stock", "available", "stock_shards"];

/// How many of them a file must have.
const REQUIRED: usize = 3;

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

/// Something that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line on which the wrong row begins, from 1.
    line: u64,
    /// Its column, where one is to blame.
    column: Option<&'static str>,
    message: String,
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, message } = self;
        match column {
            Some(column) => write!(f, "line {line}, {column}: {message}"),
            None => write!(f, "line {line}: {message}"),
        }
    }
}

impl Fault {
    fn of_row(line: u64, message: impl Into<String>) -> Self {
        Self { line, column: None, message: message.into() }
    }

    fn of_column(line: u64, column: &'static str, message: impl Into<String>) -> Self {
        Self { line, column: Some(column), message: message.into() }
    }
}

/// Reads a menu. Where anything is wrong, answers all of it and no row.
pub fn read(bytes: &[u8]) -> Result<Vec<Row>, Vec<Fault>> {
    let records = records(bytes).map_err(|fault| vec![fault])?;
    let Some((header, records)) = records.split_first() else {
        return Err(vec![Fault::of_row(1, format!("the file is empty; {}", header_wanted()))]);
    };
    let columns = columns(header)?;
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    let mut first_lines: HashMap<Sku, u64> = HashMap::new();
    for record in records {
        match row(&columns, record) {
            Ok(row) => rows.push(row),
            Err(found) => faults.extend(found),
        }
        let sku = columns.iter().position(|column| *column == "sku");
        let sku = sku.and_then(|place| Sku::parse(record.fields.get(place)?).ok());
        let Some(sku) = sku else { continue };
        if let Some(first) = first_lines.get(&sku) {
            let message = format!("{sku} is on line {first} already");
            faults.push(Fault::of_column(record.line, "sku", message));
        } else {
            first_lines.insert(sku, record.line);
        }
    }
    if faults.is_empty() {
        return Ok(rows);
    }
    faults.sort_by_key(|fault| fault.line);
    Err(faults)
}

/// The fields of a row, and the line on which it begins.
struct Record {
    line: u64,
    fields: Vec<String>,
}

/// All rows that are not empty, the header first.
fn records(bytes: &[u8]) -> Result<Vec<Record>, Fault> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let line = 1 + line_breaks(&with_line_feeds(&valid));
        Fault::of_row(line, "this is not UTF-8: save the file as “CSV UTF-8”")
    })?;
    let text = with_line_feeds(text);
    let text = text.as_str();
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    let (mut records, mut record) = (Vec::new(), ByteRecord::new());
    let (mut rest, mut line) = (text, 1);
    loop {
        let more = reader.read_byte_record(&mut record);
        if !more.map_err(|error| Fault::of_row(line, error.to_string()))? {
            return Ok(records);
        }
        let passed = usize::try_from(reader.position().byte()).unwrap_or(text.len());
        let raw;
        (raw, rest) = rest.split_at(passed + rest.len() - text.len());
        // The reader passes over empty lines without a word.
        let (empty, own) = raw.split_at(raw.len() - raw.trim_start().len());
        line += line_breaks(empty);
        if own.matches('"').count() % 2 == 1 {
            let message = "a quotation mark is not closed; within a text it is written twice";
            return Err(Fault::of_row(line, message));
        }
        let fields = record.iter().map(|field| String::from_utf8_lossy(field).into_owned());
        let fields: Vec<String> = fields.collect();
        // Spreadsheets leave such rows behind.
        if fields.iter().any(|field| !field.is_empty()) {
            records.push(Record { line, fields });
        }
        line += line_breaks(own);
    }
}

/// A text whose lines all end with a line feed alone, whatever they ended with.
fn with_line_feeds(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn line_breaks(text: &str) -> u64 {
    text.bytes().map(|byte| u64::from(byte == b'\n')).sum()
}

fn header_wanted() -> String {
    let (required, optional) = COLUMNS.split_at(REQUIRED);
    let (required, optional) = (required.join(","), optional.join(","));
    format!("its first line names the columns: {required} and, if you like, {optional}")
}

/// The columns that a header names, in their order.
fn columns(header: &Record) -> Result<Vec<&'static str>, Vec<Fault>> {
    let (mut columns, mut faults) = (Vec::new(), Vec::new());
    for name in &header.fields {
        let known = COLUMNS.into_iter().find(|column| column == name);
        match known {
            None => faults.push(format!("“{name}” is no column")),
            Some(known) if columns.contains(&known) => {
                faults.push(format!("the column {known} is there twice"));
            }
            Some(known) => columns.push(known),
        }
    }
    for missing in COLUMNS[..REQUIRED].iter().filter(|column| !columns.contains(*column)) {
        faults.push(format!("the column {missing} is missing"));
    }
    if faults.is_empty() {
        return Ok(columns);
    }
    faults.push(header_wanted());
    Err(faults.into_iter().map(|message| Fault::of_row(header.line, message)).collect())
}

/// The row that a record is, or all that is wrong with it.
fn row(columns: &[&'static str], record: &Record) -> Result<Row, Vec<Fault>> {
    let Record { line, fields } = record;
    if fields.len() != columns.len() {
        let (found, named) = (fields.len(), columns.len());
        let message = format!("it has {found} fields, and the first line names {named} columns");
        return Err(vec![Fault::of_row(*line, message)]);
    }
    let mut reading = Reading { columns, fields, line: *line, faults: Vec::new() };
    let sku: Option<Sku> = reading.needed("sku");
    let name: Option<ItemName> = reading.needed("name");
    let price: Option<PriceTokens> = reading.needed("price_tokens");
    let stock = reading.value("stock");
    let available = reading.value("available").map(|YesOrNo(available)| available);
    let stock_shards = reading.value("stock_shards");
    match (sku, name, price) {
        (Some(sku), Some(name), Some(price)) if reading.faults.is_empty() => {
            let put = ItemPut { name, price, available, stock, stock_shards };
            Ok(Row { line: *line, sku, put })
        }
        _ => Err(reading.faults),
    }
}

/// A row whose fields are being read.
struct Reading<'a> {
    columns: &'a [&'static str],
    fields: &'a [String],
    line: u64,
    faults: Vec<Fault>,
}

impl Reading<'_> {
    /// The text in a column; nothing where there is none.
    fn text(&self, column: &str) -> Option<&str> {
        let place = self.columns.iter().position(|known| *known == column)?;
        self.fields.get(place).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// The value in a column, if there is one and it is acceptable.
    fn value<T: FromStr<Err = Unacceptable>>(&mut self, column: &'static str) -> Option<T> {
        match self.text(column)?.parse() {
            Ok(value) => Some(value),
            Err(refusal) => {
                self.faults.push(Fault::of_column(self.line, column, refusal.to_string()));
                None
            }
        }
    }

    /// The same for a column that no row may leave empty.
    fn needed<T: FromStr<Err = Unacceptable>>(&mut self, column: &'static str) -> Option<T> {
        if self.text(column).is_none() {
            self.faults.push(Fault::of_column(self.line, column, "is missing"));
        }
        self.value(column)
    }
}

/// `true` or `false`, in capitals too, as spreadsheets write them.
struct YesOrNo(bool);

impl FromStr for YesOrNo {
    type Err = Unacceptable;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().parse() {
            Ok(yes) => Ok(Self(yes)),
            Err(_) => Err(Unacceptable("must be true or false".to_owned())),
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
        let faults = read(file.as_bytes()).expect_err("something is wrong");
        faults.iter().map(ToString::to_string).collect()
    }

    #[track_caller]
    fn rows(file: &str) -> Vec<Row> {
        read(file.as_bytes()).unwrap_or_else(|faults| panic!("{faults:?}"))
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
    fn a_row_says_what_an_item_is_to_be() {
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
        assert_eq!(told(file), [expected(2, "tea", "Masala  Tea", "3 - false -")]);
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
    fn all_that_is_wrong_is_told_at_once() {
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
            format!("line 9: {}", fields(7)),
            "line 9, sku: dal is on line 4 already".to_owned(),
        ];
        assert_eq!(faults(&file), expected);
    }

    #[test]
    fn a_header_is_needed_and_says_what_is_wrong_with_it() {
        let wanted = header_wanted();
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
                "SKU,name,price_tokens,",
                vec!["“SKU” is no column", "“” is no column", "the column sku is missing"],
            ),
        ] {
            let said = said.into_iter().chain([wanted.as_str()]);
            let expected: Vec<_> = said.map(|said| format!("line 2: {said}")).collect();
            assert_eq!(faults(&format!("\n{header}\n-,-,-\n")), expected);
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
        let faults = read(&file).expect_err("Latin-1");
        let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(told, ["line 3: this is not UTF-8: save the file as “CSV UTF-8”"]);
        let utf_16 = b"\xff\xfes\0k\0u\0".to_vec();
        assert!(read(&utf_16).expect_err("UTF-16")[0].to_string().contains("UTF-8"));
    }
}

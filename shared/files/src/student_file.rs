//! A list of students as a file of comma-separated values.

use thali_domain::accounts::identity::{Email, Name, RollNo, RoomNo};
use thali_domain::phone::{Phone, Region};

use crate::csv_file::{Column, Kind, Layout, Lines, Reading, Refused, Sheet};

const LAYOUT: Layout = Layout {
    columns: &[
        Column {
            name: "name",
            kind: Kind::Text,
            also: &[
                "student",
                "studentname",
                "studentsname",
                "fullname",
                "nameofstudent",
                "nameofthestudent",
            ],
        },
        Column {
            name: "roll_no",
            kind: Kind::Id,
            also: &["roll", "rollnum", "rollnumber", "studentrollno", "studentrollnumber"],
        },
        Column {
            name: "room_no",
            kind: Kind::Id,
            also: &["room", "roomnum", "roomnumber", "hostelroom", "hostelroomno"],
        },
        Column {
            name: "phone",
            kind: Kind::Phone,
            also: &[
                "phoneno",
                "ph",
                "phno",
                "mob",
                "mobno",
                "phonenum",
                "phonenumber",
                "telephone",
                "telephoneno",
                "telephonenumber",
                "tel",
                "mobile",
                "mobileno",
                "mobilenumber",
                "mobilephone",
                "cell",
                "cellphone",
                "contact",
                "contactno",
                "contactnumber",
            ],
        },
        Column {
            name: "email",
            kind: Kind::Text,
            also: &["mail", "mailid", "mailaddress", "emailid", "emailaddress"],
        },
    ],
    required: 4,
    unique: &[
        ("roll_no", |text| RollNo::parse(text).ok().map(String::from)),
        ("email", |text| Email::parse(text).ok().map(String::from)),
    ],
};

/// What one line says of a student.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// The name.
    pub name: Name,
    /// The roll number.
    pub roll_no: RollNo,
    /// The room number.
    pub room_no: RoomNo,
    /// The telephone number.
    pub phone: Phone,
    /// The e-mail address, which not everybody has.
    pub email: Option<Email>,
}

/// Reads a list of students of a mess in `region`. Where anything is wrong, answers all of it and
/// no row.
pub fn read(bytes: &[u8], region: Region) -> Result<Sheet<Row>, Refused> {
    LAYOUT.read(bytes, |reading| row(reading, region))
}

/// The same line by line: only what is wrong with the file as a whole refuses it.
pub fn read_lines(bytes: &[u8], region: Region) -> Result<Lines<Row>, Refused> {
    LAYOUT.lines(bytes, |reading| row(reading, region))
}

fn row(reading: &mut Reading<'_>, region: Region) -> Option<Row> {
    let name = reading.needed("name");
    let roll_no = reading.needed("roll_no");
    let room_no = reading.needed("room_no");
    let phone = reading.needed_as("phone", |text| Phone::parse(text, region));
    let email = reading.value("email");
    let line = reading.line;
    Some(Row { line, name: name?, roll_no: roll_no?, room_no: room_no?, phone: phone?, email })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The faults of a file, as they are told.
    #[track_caller]
    fn faults(file: &str) -> Vec<String> {
        let refused = read(file.as_bytes(), Region::INDIA).expect_err("something is wrong");
        refused.faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn columns_come_in_any_order_and_an_address_may_be_left_out() {
        let file = "email,phone,name,room_no,roll_no\n\
                    Asha@Example.com,+91 98123-45678,\"Rao, Asha\",B-204,cs21b042\n\
                    ,9812345679,Ravi Kumar,B 205,CS21B043\n";
        let rows = read(file.as_bytes(), Region::INDIA).expect("good").rows;
        let told = rows.iter().map(|row| {
            let email = row.email.as_ref().map_or("-", Email::as_str);
            let Row { line, name, roll_no, room_no, phone, .. } = row;
            format!("{line} {name} {roll_no} {room_no} {} {email}", phone.as_str())
        });
        let expected = [
            "2 Rao, Asha CS21B042 B-204 +919812345678 asha@example.com",
            "3 Ravi Kumar CS21B043 B 205 +919812345679 -",
        ];
        assert_eq!(told.collect::<Vec<_>>(), expected);
        let without = "name,roll_no,room_no,phone\nAsha,R1,1,9812345678\n";
        assert_eq!(read(without.as_bytes(), Region::INDIA).expect("good").rows[0].email, None);
    }

    #[test]
    fn all_errors_are_listed_at_once_with_line_and_column() {
        let file = "name,roll_no,room_no,phone,email\n\
                    ,R 1,,12,asha\n\
                    Ravi,R2,B,9812345678,ravi@example.com\n\
                    Meera,r2,B,9812345679,RAVI@example.com\n\
                    Indu,R3,B,9812345670\n\
                    Tara,R2,B,9812345671,\n";
        let expected = [
            "line 2, name: is missing",
            "line 2, roll_no: must be 1 to 32 letters, digits, hyphens, slashes or dots",
            "line 2, room_no: is missing",
            "line 2, phone: must be a telephone number, such as +91 98765 43210, or as it is dialled \
             in the mess's country",
            "line 2, email: must be an e-mail address",
            "line 4, roll_no: R2 is on line 3 already",
            "line 4, email: ravi@example.com is on line 3 already",
            "line 5: it has 4 fields, and the first line names 5 columns",
            "line 6, roll_no: R2 is on line 3 already",
        ];
        assert_eq!(faults(file), expected);
    }

    #[test]
    fn a_header_names_what_is_known_and_all_that_is_needed() {
        let wanted = "its first line names the columns: name,roll_no,room_no,phone and, if you \
                      like, email";
        let expected = [
            "line 1: “password” is no column".to_owned(),
            "line 1: the column room_no is missing".to_owned(),
            "line 1: the column phone is missing".to_owned(),
            format!("line 1: {wanted}"),
        ];
        assert_eq!(faults("name,roll_no,password\nAsha,R1,x\n"), expected);
        assert_eq!(faults(""), [format!("line 1: the file is empty; {wanted}")]);
    }
    /// Reads a file, and tells how it was read and its rows.
    #[track_caller]
    fn told(file: &[u8]) -> (String, Vec<String>) {
        let Sheet { rows, how } =
            read(file, Region::INDIA).unwrap_or_else(|refused| panic!("{refused:?}"));
        let row = |Row { line, name, roll_no, room_no, phone, email }: Row| {
            let email = email.map_or_else(|| "-".to_owned(), String::from);
            format!("{line} {name} {roll_no} {room_no} {} {email}", phone.as_str())
        };
        (how.to_string(), rows.into_iter().map(row).collect())
    }

    /// A file as a spreadsheet writes it: with spaces around headings, unseen characters, marks of
    /// text, and empty rows and columns.
    fn spreadsheet(separator: &str) -> String {
        let rows = [
            ["Name", " Roll No ", "Room No", "Phone", "E-mail", "", "Remarks"],
            ["आशा राव", "CS1", "B-204", "98123\u{a0}45671", "asha@example.com", "", ""],
            ["", "", "", "", "", "", ""],
            ["\"Ravi \"\"R\"\" Kumar\"", "CS2", "'12", "'+91 98123-45672", "", "", ""],
            ["", "", "", "", "", "", ""],
        ];
        rows.map(|row| row.join(separator) + "\r\n").concat()
    }

    const ROWS: [&str; 2] = [
        "2 आशा राव CS1 B-204 +919812345671 asha@example.com",
        "4 Ravi \"R\" Kumar CS2 12 +919812345672 -",
    ];

    #[test]
    fn a_list_is_read_whatever_separates_its_fields() {
        for (separator, said) in
            [(",", "commas"), (";", "semicolons"), ("\t", "tabs"), ("|", "“|”")]
        {
            let (how, rows) = told(spreadsheet(separator).as_bytes());
            assert_eq!(rows, ROWS, "{said}");
            let expected = format!(
                "read as UTF-8 with {said} between fields\n  columns: “Name” is name, “Roll No” \
                 is roll_no, “Room No” is room_no, “Phone” is phone, “E-mail” is email\n  2 rows, \
                 ignored: 2 empty rows, 2 empty columns (“Remarks”)"
            );
            assert_eq!(how, expected);
        }
    }

    #[test]
    fn a_line_can_name_the_separator_and_counts_as_a_line() {
        for (line, separator, said) in [
            ("sep=;", ";", "semicolons between fields, as its line “sep=” says"),
            ("\u{feff}SEP=^", "^", "“^” between fields, as its line “sep=” says"),
            ("sep=\t", "\t", "tabs between fields, as its line “sep=” says"),
            ("\"sep=;\"", ";", "semicolons between fields, as its line “sep=” says"),
            ("sep=;;;;", ";", "semicolons between fields, as its line “sep=” says"),
            // What names nothing is passed over.
            ("sep=", ";", "semicolons between fields\n"),
            ("sep=;,,,", ",", "commas between fields\n"),
        ] {
            let file = format!("{line}\r\n\r\n{}", spreadsheet(separator));
            let (how, rows) = told(file.as_bytes());
            assert!(how.starts_with(&format!("read as UTF-8 with {said}")), "{line}: {how}");
            let lines: Vec<_> = rows.iter().map(|row| &row[..1]).collect();
            assert_eq!(lines, ["4", "6"], "{line}");
        }
    }

    #[test]
    fn a_unicode_text_of_a_spreadsheet_is_read() {
        let text = format!("\u{feff}{}", spreadsheet("\t"));
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let (how, rows) = told(&bytes);
        assert!(how.starts_with("read as UTF-16 with tabs between fields\n"), "{how}");
        assert_eq!(rows, ROWS);
    }

    #[test]
    fn a_separator_within_a_heading_or_a_cell_misleads_nobody() {
        let file = "\"Name, as in the register\";Full name;Roll no.;Room;Mobile number\n\
                    ;Rao, Asha, B.;CS1;B,204;9812345671\n";
        let (how, rows) = told(file.as_bytes());
        assert!(how.contains("semicolons"), "{how}");
        assert_eq!(rows, ["2 Rao, Asha, B. CS1 B,204 +919812345671 -"]);
    }

    #[test]
    fn a_number_that_a_spreadsheet_rounded_is_refused_by_that_reason() {
        let file = "sep=;\nName;Roll No;Room No;Phone\nAsha;CS1;12;9,87654E+09\n\n\
                    Ravi;2.10123E+13;12;98765.432\n";
        let rounded = "the spreadsheet has rounded it: format the column as text, enter it again \
                       and save the file again";
        let expected = [
            format!("line 3, phone: {rounded}"),
            format!("line 5, roll_no: {rounded}"),
            "line 5, phone: must be a telephone number, such as +91 98765 43210, or as it is dialled \
             in the mess's country"
                .to_owned(),
        ];
        assert_eq!(faults(file), expected);
    }

    #[test]
    fn unknown_filled_and_doubtful_columns_are_named() {
        let file = "Name,Roll No,Roll number,Phone,Phone,Caste,Notes,\n\
                    Asha,R1,R1,9812345671,9812345671,x,,\nRavi,R2,R2,9812345672,,,,y\n";
        let wanted = LAYOUT.header_wanted();
        let expected = [
            "“Roll No” and “Roll number” both mean the column roll_no",
            "the column Phone is there twice",
            "“Caste” is no column",
            "column 8 has no heading, and something is in it on line 3",
            "the column room_no is missing",
            &wanted,
        ];
        assert_eq!(faults(file), expected.map(|said| format!("line 1: {said}")));
        let refused = read(file.as_bytes(), Region::INDIA).expect_err("something is wrong");
        let how = refused.how.expect("it was read").to_string();
        assert!(how.starts_with("read as UTF-8 with commas between fields\n"), "{how}");
    }

    #[test]
    fn empty_fields_after_the_last_column_do_not_matter() {
        let file =
            "name,roll_no,room_no,phone,,\nAsha,R1,1,9812345671\nRavi,R2,2,9812345672,,,,,\n";
        assert_eq!(told(file.as_bytes()).1.len(), 2);
        let beyond = "name,roll_no,room_no,phone\nAsha,R1,1,9812345671,,x\n";
        let expected = "line 2: it has 6 fields, and the first line names 4 columns";
        assert_eq!(faults(beyond), [expected]);
    }

    /// What people and programs may write, with what the reader looks for.
    fn texts() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            "[a-z,;|\t\"\n\r=' \u{a0}\u{feff}]{0,8}",
            any::<String>(),
            proptest::sample::select(vec!["sep=;\n", "Name,Roll No,Room,Phone\n", "\"\"", "9E+9"])
                .prop_map(str::to_owned),
        ];
        proptest::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_by_its_own_lines(text in texts()) {
            let lines = text.replace("\r\n", "\n").replace('\r', "\n").split('\n').count();
            let faults = read(text.as_bytes(), Region::INDIA).map_or_else(|refused| refused.faults, |_| Vec::new());
            for fault in faults {
                prop_assert!((1..=lines).contains(&usize::try_from(fault.line).expect("few")));
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>()) {
            prop_assert!(read(&bytes, Region::INDIA).is_ok_and(|sheet| sheet.rows.is_empty()) || read(&bytes, Region::INDIA).is_err());
        }

        #[test]
        fn a_list_survives_every_separator(
            names in proptest::collection::vec("[A-Za-z,;|\"अ-ह]{1,20}", 1..8),
            separator in proptest::sample::select(vec![b',', b';', b'\t', b'|']),
            is_named in any::<bool>(),
        ) {
            let mut writer = csv::WriterBuilder::new().delimiter(separator).from_writer(Vec::new());
            writer.write_record(["Roll No", "Name", "Room", "Mobile"]).expect("in memory");
            for (number, name) in names.iter().enumerate() {
                let row = [&format!("R{number}"), name, "1", "9812345678"];
                writer.write_record(row).expect("in memory");
            }
            let mut file = writer.into_inner().expect("in memory");
            if is_named {
                file.splice(0..0, [b"sep=".as_slice(), &[separator, b'\n']].concat());
            }
            let rows = read(&file, Region::INDIA).map_err(|refused| format!("{refused:?}")).expect("good").rows;
            let read: Vec<_> = rows.iter().map(|row| row.name.to_string()).collect();
            prop_assert_eq!(read, names);
            let first = if is_named { 3 } else { 2 };
            prop_assert!(rows.iter().map(|row| row.line).eq((first..).take(rows.len())));
        }
    }
}

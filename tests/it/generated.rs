//! Files in the tree that are made from the program: they must be what it would make today.

use regfsck::domain::code::Code;

use crate::support::generated::{check, in_tree};

const BEGIN: &str = "<!-- findings: generated from `Code::ALL`, written by UPDATE_GENERATED=1 -->";
const END: &str = "<!-- end of findings -->";

fn table() -> String {
    let rows = Code::ALL.iter().map(|code| {
        let meaning = code.meaning().replace('|', "\\|");
        format!("| [`{code}`](src/domain/explain/{code}.md) | {} | {meaning} |\n", code.severity().as_str())
    });
    format!("| code | severity | meaning |\n|---|---|---|\n{}", rows.collect::<String>())
}

#[test]
fn generated_table_of_findings_in_the_readme() {
    let readme = std::fs::read_to_string(in_tree("README.md")).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the marker that begins the table");
    let (_, after) = rest.split_once(END).expect("the marker that ends the table");
    check("README.md", &format!("{before}{BEGIN}\n\n{}\n{END}{after}", table()));
}

-- The table for adult.csv.gz, its columns in the file's order. Unknown values are written '?', never NULL.
CREATE TABLE adult (
    age            int  NOT NULL,
    workclass      text NOT NULL,
    fnlwgt         int  NOT NULL,
    education      text NOT NULL,
    education_num  int  NOT NULL,
    marital_status text NOT NULL,
    occupation     text NOT NULL,
    relationship   text NOT NULL,
    race           text NOT NULL,
    sex            text NOT NULL,
    capital_gain   int  NOT NULL,
    capital_loss   int  NOT NULL,
    hours_per_week int  NOT NULL,
    native_country text NOT NULL,
    salary         text NOT NULL
);

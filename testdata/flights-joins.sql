-- The answers that TestFlightsJoinAgainstDuckDB expects. DuckDB writes them
-- when this is run at the root of the module:
--
--	duckdb < testdata/flights-joins.sql
--
-- The sample has no time of arrival. A flight is taken to arrive 30 minutes and
-- one for each 8 miles after its scheduled departure. Each departure of an
-- airport is joined with the arrivals there in the 45 minutes before it, both
-- ends included. gap sums up the minutes between the two; delays is a checksum of
-- which flights they were; alone counts departures without an arrival.
CREATE TABLE departures AS
    SELECT row_number() OVER () AS id, date, delay, origin AS airport
    FROM read_csv('examples/data/flights-100k.csv.gz');

CREATE TABLE arrivals AS
    SELECT date + to_minutes(30 + distance // 8) AS date, delay, destination AS airport
    FROM read_csv('examples/data/flights-100k.csv.gz');

COPY (
    SELECT d.airport, count(a.airport) AS pairs,
           coalesce(sum(date_diff('minute', a.date, d.date)), 0)::BIGINT AS gap,
           coalesce(sum(d.delay + 3 * a.delay + d.delay * a.delay) FILTER (a.airport IS NOT NULL), 0)::BIGINT AS delays,
           count(*) FILTER (a.airport IS NULL) AS alone
    FROM departures d LEFT JOIN arrivals a
         ON a.airport = d.airport AND a.date BETWEEN d.date - INTERVAL 45 MINUTE AND d.date
    GROUP BY ALL ORDER BY ALL
) TO 'testdata/flights-joins.csv' (HEADER);

/* convert.h - the formulas of HJ 212-2017 annex D (the same chain stands in HJ 75-2017 annex C and
 * HJ 76-2017 annex B). Numbers in brackets are the equations of HJ 212-2017.
 *
 * Standard state: 273 K, 101325 Pa, dry. 273 and not 273.15, as HJ 212-2017 prints it.
 * A result that cannot be computed is NAN; so is the result of any NAN input. */
#ifndef EMIS_CORE_CONVERT_H
#define EMIS_CORE_CONVERT_H

#include "common/exact.h"

#define PERCENT 100.0
#define PA_PER_KPA 1000.0

/* (18) Concentration at standard state from actual; the dry or wet basis stays.
 * barometric_pa and static_pa (signed, against the atmosphere) in Pa, temperature_c in degC. */
double convert_to_standard(double value, double temperature_c, double barometric_pa, double static_pa);

/* (19) Dry from wet; moisture is a fraction 0..1 (0.08 = 8 %). For concentrations and for O2. */
double convert_to_dry(double wet, double moisture);

/* (20) mg/m3 from ppm by volume; molar_mass in g/mol. */
double convert_ppm(double ppm, double molar_mass);

/* (21) NOx as NO2 from NO and NO2, all mg/m3. */
double convert_nox_mass(double no, double no2);

/* (22) NOx as NO2 in mg/m3 from NO and NO2 in ppm. */
double convert_nox_ppm(double no_ppm, double no2_ppm);

/* (28) Concentration at the reference oxygen; o2 and o2_ref in percent of dry gas. The arithmetic is exact, because
 * near 21 % the division by 21 - o2 makes binary rounding errors large. NAN when o2 >= 21: the formula has no
 * meaning there; lower values are not clipped (monitoring-rules 3.3). NAN when o2 < 0: no gas holds less than 0 %
 * oxygen. */
struct exact convert_to_reference_oxygen(struct exact dry_standard, struct exact o2, double o2_ref);

/* The true oxygen behind a shown value (percent). An analyser may show 0 % as a value up to zero_drift (percent, >=
 * 0) below it: such a value gives 0, a lower one NAN. */
struct exact convert_oxygen_shown(struct exact o2, double zero_drift);

/* (26) Concentration at the reference excess air; alpha and alpha_ref are excess air coefficients. */
double convert_by_excess_air(double dry_standard, double alpha, double alpha_ref);

/* (27) The excess air coefficient of an oxygen content in percent; NAN when o2 >= 21. */
double convert_excess_air(double o2);

/* The oxygen content whose excess air coefficient is alpha > 1, from (27): a limit stated by this coefficient is
 * judged at this reference oxygen. */
double convert_oxygen_of_excess_air(double alpha);

/* GB 18484-2020 3.20: for incinerators; phi0 = oxygen content of the combustion air (21 for air). */
double convert_incinerator(double dry_standard, double o2, double phi0);

/* Dust from the value that a dust monitor shows, by the line of its comparison with manual sampling: slope * shown +
 * intercept, in the unit of the result. Unconfirmed: no text that was read has the formula (monitoring-rules 3.2). */
double convert_calibrated(double shown, double slope, double intercept);

/* (29) m/s from the velocity of the pitot field; kv = field coefficient. */
double convert_velocity(double kv, double vp);

/* Velocity from a pitot tube: kp * sqrt(2 * pd / rho); pd in Pa, rho in kg/m3. NAN when pd < 0. Unconfirmed: no text
 * that was read has the formula (monitoring-rules 3.2). */
double convert_pitot(double kp, double pd, double rho);

/* (30) m3/h at stack conditions; area m2, velocity m/s. */
double convert_flow_actual(double area_m2, double velocity);

/* (31) Dry standard m3/h. NAN for moisture outside 0..1, and when no absolute pressure is left (barometric_pa +
 * static_pa <= 0). */
double convert_flow_standard(
	double flow_actual, double temperature_c, double barometric_pa, double static_pa, double moisture);

/* (33) kg/h from the measured dry standard mg/m3 (never the converted one) and dry standard m3/h. */
double convert_mass_rate(double dry_standard, double flow_standard);

/* Water (1): the m3 that flowed in `seconds` at `litres_per_second`. */
double convert_water_volume(double litres_per_second, double seconds);

/* Water (8): kg from m3 and mg/L. */
double convert_water_mass(double volume_m3, double mg_per_litre);

#endif

#include "core/convert.h"

#include <math.h>

#define STANDARD_KELVIN 273.0    /* HJ 212-2017 D.2 (18); 273.15 gives 0.02 % less, X1 */
#define STANDARD_PA 101325.0     /* HJ 212-2017 D.2 (18) */
#define MOLAR_VOLUME 22.4        /* L/mol, HJ 212-2017 D.2 (20) */
#define AIR_OXYGEN 21.0          /* percent, HJ 212-2017 D.2 (27) */
#define NO2_PER_NO (46.0 / 30.0) /* HJ 212-2017 D.2 (21) */
#define NO2_MOLAR_MASS 46.0      /* g/mol, HJ 212-2017 D.2 (22) */
#define INCINERATOR_O2_REF 11.0  /* percent, GB 18484-2020 3.20 */

double convert_to_standard(double value, double temperature_c, double barometric_pa, double static_pa)
{
	double pressure = barometric_pa + static_pa;
	double kelvin = STANDARD_KELVIN + temperature_c;

	if (!(pressure > 0.0) || !(kelvin > 0.0)) {
		return NAN;
	}
	return value * (STANDARD_PA / pressure) * (kelvin / STANDARD_KELVIN);
}

double convert_to_dry(double wet, double moisture)
{
	if (!(moisture >= 0.0) || !(moisture < 1.0)) {
		return NAN;
	}
	return wet / (1.0 - moisture);
}

double convert_ppm(double ppm, double molar_mass)
{
	return ppm * molar_mass / MOLAR_VOLUME;
}

double convert_nox_mass(double no, double no2)
{
	return no * NO2_PER_NO + no2;
}

double convert_nox_ppm(double no_ppm, double no2_ppm)
{
	return convert_ppm(no_ppm + no2_ppm, NO2_MOLAR_MASS);
}

struct exact convert_to_reference_oxygen(struct exact dry_standard, struct exact o2, double o2_ref)
{
	const struct exact air = exact_of(AIR_OXYGEN);

	if (!(o2.value < AIR_OXYGEN) || o2.value < 0.0) {
		return exact_of(NAN);
	}
	struct exact asked = exact_difference(air, exact_decimal(o2_ref));
	return exact_quotient(exact_product(dry_standard, asked), exact_difference(air, o2));
}

struct exact convert_oxygen_shown(struct exact o2, double zero_drift)
{
	if (o2.value < 0.0) {
		return exact_of(o2.value >= -zero_drift ? 0.0 : NAN);
	}
	return o2;
}

double convert_by_excess_air(double dry_standard, double alpha, double alpha_ref)
{
	return dry_standard * alpha / alpha_ref;
}

double convert_excess_air(double o2)
{
	if (!(o2 < AIR_OXYGEN)) {
		return NAN;
	}
	return AIR_OXYGEN / (AIR_OXYGEN - o2);
}

double convert_oxygen_of_excess_air(double alpha)
{
	return AIR_OXYGEN - AIR_OXYGEN / alpha;
}

double convert_incinerator(double dry_standard, double o2, double phi0)
{
	if (!(o2 < phi0)) {
		return NAN;
	}
	return dry_standard * (AIR_OXYGEN - INCINERATOR_O2_REF) / (phi0 - o2);
}

double convert_calibrated(double shown, double slope, double intercept)
{
	return slope * shown + intercept;
}

double convert_velocity(double kv, double vp)
{
	return kv * vp;
}

double convert_pitot(double kp, double pd, double rho)
{
	if (!(pd >= 0.0) || !(rho > 0.0)) {
		return NAN;
	}
	return kp * sqrt(2.0 * pd / rho);
}

double convert_flow_actual(double area_m2, double velocity)
{
	return 3600.0 * area_m2 * velocity;
}

double convert_flow_standard(
	double flow_actual, double temperature_c, double barometric_pa, double static_pa, double moisture)
{
	double kelvin = STANDARD_KELVIN + temperature_c, pressure = barometric_pa + static_pa;

	if (!(kelvin > 0.0) || !(pressure > 0.0) || !(moisture >= 0.0) || !(moisture <= 1.0)) {
		return NAN;
	}
	return flow_actual * (STANDARD_KELVIN / kelvin) * (pressure / STANDARD_PA) * (1.0 - moisture);
}

double convert_mass_rate(double dry_standard, double flow_standard)
{
	return dry_standard * flow_standard * 1e-6;
}

double convert_water_volume(double litres_per_second, double seconds)
{
	return litres_per_second * seconds * 1e-3;
}

double convert_water_mass(double volume_m3, double mg_per_litre)
{
	return volume_m3 * mg_per_litre * 1e-3;
}

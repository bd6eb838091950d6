// The meals of a day, in their order.
import { m } from "../app/language";

export const MEALS = ["BREAKFAST", "LUNCH", "DINNER"] as const;
export type Meal = (typeof MEALS)[number];

export const mealName = (meal: Meal): string => m.common[`meal_${meal}`]();

/** The names of some meals, or that they are all. */
export const mealNames = (meals: readonly Meal[]): string =>
  meals.length === MEALS.length
    ? m.owner.meals_all()
    : MEALS.filter((meal) => meals.includes(meal))
        .map(mealName)
        .join(", ");

// Days and meals of a leave in words.
import { day } from "../../app/format";
import { m } from "../../app/language";
import type { Day } from "../days";
import { MEALS, type Meals } from "../meals";

export const span = (from: Day, to: Day): string =>
  from === to
    ? day(from, "weekday")
    : m.student.time_span({ from: day(from, "weekday"), to: day(to, "weekday") });

export const mealsText = ({ meals }: Pick<Meals, "meals">): string =>
  meals.length === MEALS.length
    ? m.student.meals_all()
    : MEALS.filter((meal) => meals.includes(meal))
        .map((meal) => m.common[`meal_${meal}`]())
        .join(", ");
